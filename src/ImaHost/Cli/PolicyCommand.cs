using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Daemon;
using ImaHost.Policy;

namespace ImaHost.Cli;

/// <summary><c>imahost policy</c>: checks, shows, explains and loads policies.</summary>
static class PolicyCommand
{
    static readonly Option<string?> Config = new("--config")
    {
        Description = $"the configuration file ({DaemonCommand.DefaultConfiguration})",
    };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Argument<string[]> Files = new("file")
    {
        Description = "files of rules: *.yaml, or the kernel's language",
        Arity = ArgumentArity.OneOrMore,
    };

    static readonly Argument<string[]> Entries = new("entry")
    {
        Description = $"files, directories and built-in policies ({string.Join(", ", BuiltInPolicies.Names)});"
            + " none: what is configured",
        Arity = ArgumentArity.ZeroOrMore,
    };

    static readonly Option<bool> Effective = new("--effective")
    {
        Description = "what the running host has in force, rather than what is configured",
    };

    static readonly Option<bool> Kernel = new("--kernel") { Description = "in the kernel's language (the default)" };

    static readonly Option<bool> Yaml = new("--yaml") { Description = "in YAML" };

    public static Command Create()
    {
        var check = new Command("check", "Say whether files of rules are understood.") { Files, Json };
        check.SetAction(Check);
        var show = new Command("show", "Show the rules.") { Entries, Kernel, Yaml, Effective, Json, Config, State };
        show.SetAction(Show);
        var load = new Command("load", "Have the running host load its policy again, or another one.") { Entries, State };
        load.SetAction(Load);
        return new Command("policy", "Check, show, explain and load policies.")
        {
            check, show, ExplainCommand.Create(), load,
        };
    }

    /// <summary>The policy that is configured, or that the arguments name.</summary>
    public static ImaPolicy Configured(string? config, string[] entries)
    {
        DaemonOptions options = KernelSwitches.Heed(
            ConfigurationFile.Read(config ?? DaemonCommand.DefaultConfiguration, required: config != null));
        LoadedPolicy loaded = PolicySources.Load(entries.Length > 0 ? [.. entries.Select(Absolute)] : options.Policy, options);
        return new ImaPolicy(loaded.Rules, loaded.FailsSecurely);
    }

    /// <summary>The policy that is in force.</summary>
    public static ImaPolicy InForce(string state) =>
        PolicyStore.Parse(ControlSocket.MustAsk(state, PolicyLoader.Show), "the running host").Policy;

    /// <summary>An entry as the host knows it: a path that somebody typed is relative to where he is.</summary>
    public static string Absolute(string entry) =>
        BuiltInPolicies.Names.Contains(entry) || (!entry.Contains('/', StringComparison.Ordinal) && !Path.Exists(entry))
            ? entry
            : Path.GetFullPath(entry);

    static int Check(ParseResult parsed)
    {
        CheckedFile[] files = [.. parsed.GetValue(Files)!.Select(CheckOne)];
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(files, PolicyJson.Default.CheckedFileArray));
        }
        else
        {
            foreach (CheckedFile file in files.Where(file => file.Error == null))
            {
                Console.WriteLine(file.Extended == 0
                    ? string.Create(CultureInfo.InvariantCulture, $"{file.File}: {file.Rules} rules")
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"{file.File}: {file.Rules} rules, of which {file.Extended} would be refused by a kernel"));
            }
        }

        foreach (CheckedFile file in files.Where(file => file.Error != null))
        {
            CommandLine.Complain(file.Error!);
        }

        return files.All(file => file.Error == null) ? ExitStatus.Yes : ExitStatus.No;
    }

    static CheckedFile CheckOne(string path)
    {
        try
        {
            IReadOnlyList<ImaRule> rules = PolicyFiles.Read(path, keys: null).Rules.Rules;
            return new CheckedFile(path, rules.Count, rules.Count(rule => rule.IsExtended), Error: null);
        }
        catch (PolicyException e)
        {
            return new CheckedFile(path, 0, 0, e.Message);
        }
    }

    static int Show(ParseResult parsed)
    {
        string[] entries = parsed.GetValue(Entries)!;
        if ((parsed.GetValue(Kernel) && parsed.GetValue(Yaml)) || (parsed.GetValue(Effective) && entries.Length > 0))
        {
            CommandLine.Complain("--kernel and --yaml exclude each other, --effective and arguments too");
            return ExitStatus.Usage;
        }

        ImaPolicy policy = parsed.GetValue(Effective)
            ? InForce(parsed.GetValue(State)!)
            : Configured(parsed.GetValue(Config), entries);
        Console.Write(
            parsed.GetValue(Json)
                ? JsonSerializer.Serialize(
                    policy.Rules.Select(rule => new ShownRule(rule.ToString(), rule.Origin, rule.IsExtended)).ToArray(),
                    PolicyJson.Default.ShownRuleArray) + "\n"
                : parsed.GetValue(Yaml) ? YamlPolicyText.Of(policy.Rules) : policy.ToString());
        return ExitStatus.Yes;
    }

    static int Load(ParseResult parsed)
    {
        string entries = string.Join('\n', parsed.GetValue(Entries)!.Select(Absolute));
        string answer = ControlSocket.MustAsk(
            parsed.GetValue(State)!, PolicyLoader.LoadFiles, System.Text.Encoding.UTF8.GetBytes(entries)).TrimEnd('\n');
        const string error = "error: ";
        if (answer.StartsWith(error, StringComparison.Ordinal))
        {
            CommandLine.Complain($"the old policy stays: {answer[error.Length..]}");
            return ExitStatus.No;
        }

        Console.WriteLine(answer);
        return ExitStatus.Yes;
    }
}

/// <param name="Extended">How many of the rules a kernel would refuse.</param>
sealed record CheckedFile(string File, int Rules, int Extended, string? Error);

/// <param name="Rule">In the kernel's language.</param>
sealed record ShownRule(string Rule, string Origin, bool Extended);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CheckedFile[]))]
[JsonSerializable(typeof(ShownRule[]))]
[JsonSerializable(typeof(Explanation[]))]
sealed partial class PolicyJson : JsonSerializerContext;
