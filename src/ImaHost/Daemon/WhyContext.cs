using System.Net.Sockets;
using ImaHost.Appraisal;
using ImaHost.Engine;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Daemon;

/// <summary>What files are held against, and what was decided: of a running host, or of one that has stopped.</summary>
sealed class WhyContext
{
    public required DaemonOptions Options { get; init; }

    public required ImaPolicy Policy { get; init; }

    public required Vouchers Vouchers { get; init; }

    public required DecisionHistory History { get; init; }

    /// <summary>What makes an answer less certain than it looks.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <param name="state">The state directory.</param>
    /// <param name="config">The configuration file where no host runs; null: the standard one, if it is there.</param>
    /// <exception cref="ConfigurationException">Nothing is known there.</exception>
    public static WhyContext Load(string state, string? config, string defaultConfig)
    {
        var notes = new List<string>();
        InForce? running = AskRunning(state);
        if (running == null)
        {
            notes.Add("no host runs: this is by the policy it had last, and the configuration as it is now");
        }
        else if (!running.IsFlushed)
        {
            notes.Add("the latest decisions are not in the record: its disk is full, or does not answer");
        }

        DaemonOptions options = running?.Options
            ?? ConfigurationFile.Read(config ?? defaultConfig, required: config != null) with { State = state };
        ImaPolicy policy = running == null ? LastPolicy(state, options) : Running(state);
        Vouchers vouchers = VoucherLoader.Load(options, out IReadOnlyList<string> warnings);
        notes.AddRange(warnings);
        if (running != null && IsOther(running, vouchers))
        {
            notes.Add("keys, revocations or lists have changed and are not in force yet: systemctl reload imahost");
        }

        DecisionHistory history = DecisionHistory.Read(state);
        AddLosses(history, running, notes);
        return new WhyContext
        {
            Options = options, Policy = Mounts.Resolve(policy), Vouchers = vouchers, History = history, Notes = notes,
        };
    }

    static void AddLosses(DecisionHistory history, InForce? running, List<string> notes)
    {
        long dropped = Math.Max(history.Dropped, running?.Dropped ?? 0);
        if (dropped > 0)
        {
            notes.Add($"{Counted.Of(dropped, "decision is", "decisions are")} not in the record: its disk was full or too slow");
        }

        if (history.Damaged > 0)
        {
            notes.Add($"{Counted.Of(history.Damaged, "line of the record is", "lines of the record are")} damaged");
        }
    }

    /// <returns>Null: no host runs there.</returns>
    public static InForce? AskRunning(string state)
    {
        if (!Directory.Exists(state))
        {
            throw new ConfigurationException($"there is no state directory {state}: name that of the service by --state");
        }

        try
        {
            return InForce.Parse(ControlSocket.Ask(state, InForce.Request));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AccessDenied)
        {
            throw new ConfigurationException($"the host at {state} may be asked by root alone");
        }
        catch (SocketException)
        {
            return null;
        }
    }

    static ImaPolicy Running(string state) =>
        PolicyStore.Parse(ControlSocket.MustAsk(state, PolicyLoader.Show), "the running host").Policy;

    static ImaPolicy LastPolicy(string state, DaemonOptions options)
    {
        string stored = Path.Combine(state, "policy");
        if (File.Exists(stored))
        {
            return PolicyStore.Load(stored).Policy;
        }

        LoadedPolicy loaded = PolicySources.Load(options.Policy, options);
        return new ImaPolicy(loaded.Rules, loaded.FailsSecurely);
    }

    static bool IsOther(InForce running, Vouchers vouchers) =>
        running.Keys != DecisionWriter.Hex(vouchers.Keys.Stamp)
        || running.Blacklist != DecisionWriter.Hex(vouchers.Blacklist.Stamp)
        || running.References != DecisionWriter.Hex(vouchers.References.Stamp);
}
