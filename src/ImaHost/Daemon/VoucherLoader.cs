using ImaHost.Appraisal;
using ImaHost.Engine;
using ImaHost.Policy;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Loads who may vouch for files: keys, what was revoked, lists of digests. What cannot be loaded is told of and left
/// out; the rest is in force.
/// </summary>
sealed class VoucherLoader(DaemonOptions options, ImaEngine engine, GuardNotice notice, ILogger log)
{
    /// <summary>Asks to load everything anew.</summary>
    public const string Request = "vouchers load";

    /// <summary>
    /// For how long who must know that it is done waits, milliseconds: whoever else builds the index may be waited for
    /// first (<see cref="ReferenceStore"/>, 60 s).
    /// </summary>
    public const int PatienceMilliseconds = 90_000;

    readonly Lock _loading = new();
    volatile IReadOnlyList<string> _warnings = [];

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>What is configured, as it is on the disk now.</summary>
    /// <param name="warnings">What was left out, and why: a line each.</param>
    public static Vouchers Load(DaemonOptions options, out IReadOnlyList<string> warnings) =>
        Load(options, Vouchers.Empty, out warnings);

    /// <summary>Before the first access: there is no verdict yet that rests on others.</summary>
    public void Begin() => engine.Vouchers = LoadAndTell();

    /// <summary>Loads everything anew. Verdicts that were kept are given up when anything has changed.</summary>
    /// <returns>False when the guard still keeps some of them.</returns>
    public bool Reload()
    {
        lock (_loading)
        {
            Vouchers loaded = LoadAndTell();
            bool changes = loaded.Stamp != engine.Vouchers.Stamp;
            engine.Vouchers = loaded;
            return !changes || notice.SendAndAwait();
        }
    }

    /// <summary>What has expired since it was loaded takes the verdicts along that rested on it. To be called often.</summary>
    public void Tend()
    {
        Vouchers now = engine.Vouchers;
        if (now.CountExpired(TimeProvider.System.GetUtcNow()) != now.Expired)
        {
            _ = Reload();
        }
    }

    /// <returns>Null: that is no such request.</returns>
    public string? Answer(ControlRequest request)
    {
        if (request.Line != Request)
        {
            return null;
        }

        IEnumerable<string> late = Reload() ? [] : ["the guard has not given up yet what was kept before"];
        return string.Concat(Warnings.Concat(late).Select(warning => $"warning: {warning.ReplaceLineEndings(" ")}\n")) + "ok\n";
    }

    Vouchers LoadAndTell()
    {
        Vouchers loaded = Load(options, engine.Vouchers, out IReadOnlyList<string> warnings);
        foreach (string warning in warnings.Except(_warnings))
        {
            Logging.VoucherRefused(log, warning);
        }

        _warnings = warnings;
        return loaded;
    }

    /// <param name="before">What is in force: kept where it has not changed, and lists also where nothing can be loaded.</param>
    static Vouchers Load(DaemonOptions options, Vouchers before, out IReadOnlyList<string> warnings)
    {
        var told = new List<string>();
        var blacklist = Blacklist.Load(options.Blacklist, before.Blacklist);
        var keys = Keyring.Load(options.Keys, blacklist, TimeProvider.System, options.ExpiredKeys);
        told.AddRange(blacklist.Warnings);
        told.AddRange(keys.Warnings);
        ReferenceIndex references = LoadReferences(options, before.References, told);
        warnings = told;
        // Signatures that the old keyring has verified need not be verified again.
        return new Vouchers(
            keys.Stamp == before.Keys.Stamp ? before.Keys : keys, blacklist, references, TimeProvider.System.GetUtcNow());
    }

    static ReferenceIndex LoadReferences(DaemonOptions options, ReferenceIndex before, List<string> told)
    {
        try
        {
            var store = new ReferenceStore(ReferenceSources.SettingsOf(options));
            told.AddRange(store.Open());
            return store.Current;
        }
        catch (Exception e) when (e is PolicyException or IOException or UnauthorizedAccessException)
        {
            told.Add($"lists of digests stay as they were: {e.Message}");
            return ExpiringLists.PutOn(before, ReferenceSources.ExpiringIn(options), told);
        }
    }
}
