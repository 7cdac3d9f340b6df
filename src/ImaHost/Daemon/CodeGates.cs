using System.Diagnostics;
using ImaHost.Appraisal;
using ImaHost.Interop;
using static System.FormattableString;

namespace ImaHost.Daemon;

/// <summary>The BPF programs that see what fanotify cannot: has them loaded, before anything is watched.</summary>
static class CodeGates
{
    const string Program = "imahost-bpf";
    const string Installed = "/usr/libexec/imahost/imahost-bpf";
    const string Pinned = "/sys/fs/bpf/imahost";
    const int NotOffered = 1;
    const int MapsFields = 6; // of a line that names a file, proc_pid_maps(5)

    /// <summary>Loads them, or takes up those that are pinned; takes them away where they are not wanted.</summary>
    /// <param name="guard">The program that is to be started.</param>
    /// <returns>Why they are not at work; null: they are.</returns>
    /// <exception cref="ConfigurationException">They are required, or could not be taken away.</exception>
    public static string? Load(DaemonOptions options, string guard)
    {
        string? program = Find();
        if (options.Bpf == BpfUse.Off)
        {
            _ = Open();
            return "bpf: off is configured";
        }

        if (program == null)
        {
            string missing = $"{Program} is neither beside imahost nor {Installed}: this build is without BPF";
            return options.Bpf != BpfUse.Require && !Directory.Exists(Pinned) ? missing : throw new ConfigurationException(missing);
        }

        Shelter.RequireSpared(options);
        (int status, string said) = Run(program, ["load", .. Shelter.Arguments(options, Environment.ProcessPath!, guard, program)]);
        if (status == 0)
        {
            return null;
        }

        // What a guard that was killed has left shut would stay so: nobody gives verdicts any more.
        Unload(program);
        Require((status, said), options.Bpf == BpfUse.Require ? 0 : NotOffered);
        return said;
    }

    /// <summary>Opens what a dead guard has left shut.</summary>
    /// <returns>False: nothing is pinned.</returns>
    /// <exception cref="ConfigurationException">It cannot be taken away.</exception>
    public static bool Open()
    {
        if (!Directory.Exists(Pinned))
        {
            return false;
        }

        Unload(Find() ?? throw new ConfigurationException($"{Pinned} is there, and {Program} is not: rm {Pinned}/link_*"));
        return true;
    }

    static void Unload(string program)
    {
        if (Directory.Exists(Pinned))
        {
            Require(Run(program, ["unload"]), 0);
        }
    }

    /// <summary>What the guard is told.</summary>
    public static IEnumerable<string> Arguments(DaemonOptions options)
    {
        if (options.Resolved?.WithoutBpf != null)
        {
            return [];
        }

        bool enforces = options.Appraise == AppraiseMode.Enforce && options.Bpf != BpfUse.Report;
        return
        [
            "--bpf", Words.Name(enforces ? CodeGate.Enforce : CodeGate.Report),
            "--fileless", Words.Name(options.Fileless),
            "--unwatched", options.Watch.Contains(WatchSelection.All) ? "deny" : "allow",
            .. options.SelfProtection is { } sheltered ? ["--spare", Invariant($"{sheltered.Capability}")] : Array.Empty<string>(),
        ];
    }

    /// <summary>
    /// What a start of the service loads, as it was loaded for this one: it must be able to start when nobody judges. Under
    /// <c>watch: all</c> the first host has loaded it before anything is watched, and the guard has not seen it.
    /// </summary>
    /// <param name="companion">The TPM emulator, which a start may have to start as well; 0: none.</param>
    public static IEnumerable<string> TrustArguments(DaemonOptions options, int companion) => options.Resolved?.WithoutBpf != null ? [] :
        MappedFiles("self").Concat(companion == 0 ? [] : MappedFiles(Invariant($"{companion}"))).Distinct().SelectMany(path => new[] { "--trust", path });

    /// <summary>The loader is looked at, as the guard is by whoever reads it: what has replaced it may be run as well.</summary>
    public static void Touch()
    {
        if (Find() is { } program)
        {
            using FileStream loader = File.OpenRead(program);
        }
    }

    static IEnumerable<string> MappedFiles(string process) =>
        from line in File.ReadLines($"/proc/{process}/maps")
        let words = line.Split(' ', MapsFields, StringSplitOptions.RemoveEmptyEntries)
        where words.Length == MapsFields && words[1].Contains('x', StringComparison.Ordinal)
        let path = words[^1]
        where path.StartsWith('/') && File.Exists(path)
        select path;

    static string? Find() =>
        new[] { Path.Combine(AppContext.BaseDirectory, Program), Installed }.FirstOrDefault(File.Exists);

    /// <param name="most">The worst status that will do.</param>
    static void Require((int Status, string Said) result, int most)
    {
        if (result.Status > most)
        {
            throw new ConfigurationException($"{Program}: {result.Said}");
        }
    }

    static (int Status, string Said) Run(string program, string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, command) { RedirectStandardError = true })
            ?? throw new InvalidOperationException();
        string said = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        string[] lines = said.Split('\n');
        return (process.ExitCode, lines[^1].Replace($"{Program}: ", "", StringComparison.Ordinal));
    }
}
