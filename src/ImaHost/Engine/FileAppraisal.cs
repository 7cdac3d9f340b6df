using ImaHost.Appraisal;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What follows from an appraisal, by mode: off, log, fix or enforce.</summary>
sealed class FileAppraisal(EngineOptions options, FileLabel label, EngineCounters counters, ILogger log)
{
    /// <summary>Filesystems whose files can change with nothing to be seen of it here.</summary>
    const long Fuse = 0x65735546; // FUSE_SUPER_MAGIC, linux/magic.h

    /// <summary>A lease here does not know of mappings, nor of writers of the layer below.</summary>
    const long Overlay = 0x794c7630; // OVERLAYFS_SUPER_MAGIC

    /// <summary>Does somebody vouch for the file, as every rule wants? (LIM: appraise_measurement)</summary>
    public Verdict Judge(AccessRequest access, in Question question, FileMeasurement file, Vouchers vouchers)
    {
        long magic = file.FilesystemMagic;
        bool mayBeKept = question.HoldsForAll && access.IsLeased && magic is not (Fuse or Overlay) && IsDone(in question, file);
        var pass = new Verdict(GuardDecision.Allow, mayBeKept, question.Policy ^ vouchers.Stamp);
        if (!question.Decision.Appraises || options.Appraise == AppraiseMode.Off || access.IsOwn || IsNew(access, file.File))
        {
            return pass;
        }

        Finding found = Appraise(in question, file, vouchers, Distrusts(in question, magic), out ImaRule? rule);
        if (found.Passes || TryFix(access, found.Outcome, file.File))
        {
            return pass;
        }

        if (MayLabel(access, question.Hook))
        {
            return Verdict.Allow;
        }

        bool enforce = options.Appraise == AppraiseMode.Enforce && !rule!.OnlyLogs;
        Report(access, question.Hook, rule!, file.File, in found, enforce);
        return enforce ? Verdict.Deny : pass;
    }

    /// <summary>Nothing that vouches for a file of that kind of filesystem can be believed (ima_policy=fail_securely).</summary>
    public static bool Distrusts(in Question question, long magic) => magic == Fuse && question.FailsSecurely;

    /// <summary>Does anybody vouch for a file, as a rule wants?</summary>
    public static Finding Appraise(ImaRule rule, CollectedFile file, Vouchers vouchers)
    {
        var evidence = new Evidence
        {
            Label = file.SecurityIma,
            LabelError = file.XattrError,
            Content = file.Digest,
            Reference = file.Reference,
            HasVerity = file.HasVerity,
            Verity = file.Verity,
            Path = file.Path,
        };
        return Appraiser.Appraise(rule, in evidence, vouchers, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    }

    /// <summary>Every rule that measures had a digest to enter: fs-verity can be enabled later, and changes no content.</summary>
    static bool IsDone(in Question question, FileMeasurement file)
    {
        foreach (ImaRule rule in question.Decision.Measure)
        {
            if (!file.HasDigestFor(rule))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What is only written is not used, and nobody can vouch for a file that was just made.</summary>
    static bool IsNew(AccessRequest access, CollectedFile file) =>
        access.Mode == OpenMode.Write || (access.Mode == OpenMode.ReadWrite && file.Stat.Size == 0);

    /// <summary>Holds it against each rule that appraises.</summary>
    /// <param name="distrusts">Nothing that vouches for it can be believed.</param>
    /// <param name="rule">The one that decides: that is not content, or else the last that is.</param>
    /// <returns>What denies it, else what would but is only logged, else what it passes by.</returns>
    public static Finding Appraise(
        in Question question, IMeasurementProvider what, Vouchers vouchers, bool distrusts, out ImaRule? rule)
    {
        Finding decisive = Finding.Pass;
        rule = null;
        foreach (ImaRule one in question.Decision.Appraise)
        {
            Finding found = distrusts ? new Finding(Appraisal.Appraisal.Unverifiable) : what.Appraise(one, vouchers);
            if (decisive.Passes || !(found.Passes || one.OnlyLogs))
            {
                decisive = found;
                rule = one;
            }

            if (!found.Passes && !one.OnlyLogs)
            {
                break;
            }
        }

        return decisive;
    }

    static bool MayLabel(AccessRequest access, ImaHook hook) =>
        hook != ImaHook.BprmCheck && Accessor.IsLabeller(access.Pid);

    bool TryFix(AccessRequest access, Appraisal.Appraisal outcome, CollectedFile file) =>
        options.Appraise == AppraiseMode.Fix && Appraiser.MayFix(outcome, file.SecurityIma) && label.TryWrite(access, file);

    void Report(
        AccessRequest access, ImaHook hook, ImaRule rule, CollectedFile file, in Finding found, bool enforce)
    {
        if (access.IsRunning)
        {
            counters.AddRunningDenied();
        }
        else if (enforce)
        {
            counters.AddDenied();
        }
        else
        {
            counters.AddWouldDeny();
        }

        string path = EntryName.ToText(file.Path);
        string advice = AppraisalText.Advice(found.Outcome, path);
        EngineLog.Denial(
            log, access.IsRunning ? "would have denied" : enforce ? "denied" : "would deny", path, hook.Name(), access.Pid,
            Accessor.ReadName(access.Pid), Accessor.ReadUid(access.Pid), AppraisalText.Cause(found.Outcome),
            rule.Origin, rule.Reason == null ? advice : $"{rule.Reason}; {advice}");
    }
}
