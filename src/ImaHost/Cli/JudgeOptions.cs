using System.CommandLine;
using ImaHost.Daemon;
using ImaHost.Policy;
using ImaHost.Trees;

namespace ImaHost.Cli;

/// <summary>Options that say by which rules, and for whom, files are judged.</summary>
sealed class JudgeOptions
{
    readonly Option<string[]> _policy = new("--policy")
    {
        Description = "a file or directory of rules, or a built-in policy (repeatable); none: what is configured",
    };

    readonly Option<bool> _effective = new("--effective")
    {
        Description = "by what the running host has in force, rather than what is configured",
    };

    readonly Option<uint> _uid = new("--uid") { Description = "who would access the files (0)" };

    readonly Option<string?> _config = new("--config")
    {
        Description = $"the configuration file ({DaemonCommand.DefaultConfiguration})",
    };

    readonly Option<string?> _state = new("--state") { Description = "the state directory of the host" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_policy, _effective, _uid, _config, _state])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>--state, if it was given.</summary>
    public string? GivenState(ParseResult parsed) => parsed.GetValue(_state);

    /// <summary>The daemon's options, as they are configured.</summary>
    DaemonOptions Options(ParseResult parsed)
    {
        string? config = parsed.GetValue(_config);
        DaemonOptions options = KernelSwitches.Heed(
            ConfigurationFile.Read(config ?? DaemonCommand.DefaultConfiguration, required: config != null));
        return options with { State = parsed.GetValue(_state) ?? options.State };
    }

    /// <summary>Loads the rules and all who vouch. What of these cannot be loaded is told of, and vouches for nothing.</summary>
    /// <exception cref="ConfigurationException">Options contradict each other, or no host answers.</exception>
    public AuditSettings Read(ParseResult parsed, out DaemonOptions options)
    {
        options = Options(parsed);
        string[] entries = parsed.GetValue(_policy) ?? [];
        bool effective = parsed.GetValue(_effective);
        if (effective && entries.Length > 0)
        {
            throw new ConfigurationException("--effective and --policy exclude each other");
        }

        ImaPolicy policy = effective
            ? PolicyCommand.InForce(options.State)
            : PolicyCommand.Configured(parsed.GetValue(_config), entries);
        Appraisal.Vouchers vouchers = VoucherLoader.Load(options, out IReadOnlyList<string> warnings);
        foreach (string warning in warnings)
        {
            CommandLine.Complain(warning);
        }

        return new AuditSettings(
            Mounts.Resolve(policy), vouchers, Launcher.ImaHash(options), SubjectOf(parsed.GetValue(_uid)));
    }

    static Subject SubjectOf(uint uid) => new()
    {
        Known = SubjectFacts.Ids | SubjectFacts.Capabilities,
        Uid = uid,
        Euid = uid,
        Suid = uid,
        Gid = uid,
        Egid = uid,
        Sgid = uid,
        MaySetUid = uid == 0,
        MaySetGid = uid == 0,
    };
}
