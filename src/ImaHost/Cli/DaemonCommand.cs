using System.CommandLine;
using ImaHost.Daemon;
using ImaHost.Interop;

namespace ImaHost.Cli;

/// <summary><c>imahost daemon</c>: runs the host in the foreground, by way of the guard.</summary>
static class DaemonCommand
{
    public const string DefaultConfiguration = "/etc/imahost/imahost.yaml";

    static readonly Option<string?> Config = new("--config")
    {
        Description = $"the configuration file ({DefaultConfiguration})",
    };

    static readonly Option<string[]> Watch = new("--watch")
    {
        Description = $"watch {WatchSelection.Forms} (repeatable): a path stands for the filesystem that holds it",
    };

    static readonly Option<string[]> Policy = new("--policy")
    {
        Description = "a file or directory of rules, or a built-in policy (repeatable); none: /etc/ima/policy.d and the like",
    };

    static readonly Option<string?> Tpm = new("--tpm")
    {
        Description = "device:/dev/tpmrm0, swtpm:path=SOCK, swtpm:host=H,port=P or none"
            + " (/dev/tpmrm0 where it is, else an swtpm of our own)",
    };

    static readonly Option<string?> Fs = new("--fs") { Description = "publish the list here (/run/ima)" };

    static readonly Option<string?> State = new("--state") { Description = "keep the list here (/var/lib/imahost)" };

    static readonly Option<string?> Appraise = new("--appraise") { Description = "off, log, fix or enforce (off)" };

    static readonly Option<string?> Format = new("--log-format") { Description = "text or json (text)" };

    public static Command Create()
    {
        var command = new Command("daemon", "Run the host in the foreground.")
        {
            Config, Watch, Policy, Tpm, Fs, State, Appraise, Format,
        };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        if (Environment.GetEnvironmentVariable(GuardAbi.Environment) != null)
        {
            return Host.Run();
        }

        string? config = parsed.GetValue(Config);
        DaemonOptions options = ConfigurationFile.Read(config ?? DefaultConfiguration, required: config != null);
        options = KernelSwitches.Heed(options);
        if (options.IsOff)
        {
            Console.WriteLine("imahost: the kernel's command line says ima=off: nothing is watched");
            return ExitStatus.Yes;
        }

        Launcher.Launch(Override(options, parsed));
        return ExitStatus.Yes;
    }

    static DaemonOptions Override(DaemonOptions options, ParseResult parsed)
    {
        string[] watch = parsed.GetValue(Watch) ?? [];
        string[] policy = [.. (parsed.GetValue(Policy) ?? []).Select(PolicyCommand.Absolute)];
        return options with
        {
            Watch = watch.Length > 0 ? watch : options.Watch,
            Policy = policy.Length > 0 ? policy : options.Policy,
            Tpm = parsed.GetValue(Tpm) ?? options.Tpm,
            Fs = parsed.GetValue(Fs) ?? options.Fs,
            State = parsed.GetValue(State) ?? options.State,
            Appraise = Choose(parsed.GetValue(Appraise), "--appraise", options.Appraise),
            LogFormat = Choose(parsed.GetValue(Format), "--log-format", options.LogFormat),
        };
    }

    static T Choose<T>(string? word, string option, T otherwise)
        where T : struct, Enum => word == null
            ? otherwise
            : Words.TryParse(word, out T value)
                ? value
                : throw new ConfigurationException($"{option} takes {Words.List<T>()}, not \"{word}\"");
}
