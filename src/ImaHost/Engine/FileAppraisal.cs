using ImaHost.Appraisal;
using ImaHost.Crypto;
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
    public Verdict Judge(AccessRequest access, in Question question, FileMeasurement file)
    {
        long magic = file.FilesystemMagic;
        bool mayBeKept = question.HoldsForAll && access.IsLeased && magic is not (Fuse or Overlay) && IsDone(in question, file);
        var pass = new Verdict(GuardDecision.Allow, mayBeKept, question.Policy);
        if (!question.Decision.Appraises || options.Appraise == AppraiseMode.Off || access.IsOwn || IsNew(access, file.File))
        {
            return pass;
        }

        bool distrusts = magic == Fuse && question.FailsSecurely;
        Appraisal.Appraisal outcome = FirstFailure(in question, file, distrusts, out ImaRule? rule);
        if (rule == null || TryFix(access, outcome, file.File))
        {
            return pass;
        }

        if (MayLabel(access, question.Hook))
        {
            return Verdict.Allow;
        }

        bool enforce = options.Appraise == AppraiseMode.Enforce;
        Report(access, question.Hook, rule, file.File, outcome, enforce);
        return enforce ? Verdict.Deny : pass;
    }

    /// <summary>Does a file's own label vouch for it, as a rule wants?</summary>
    public static Appraisal.Appraisal Appraise(ImaRule rule, CollectedFile file)
    {
        SecurityIma xattr = file.SecurityIma;
        return Appraiser.Appraise(rule, in xattr, file.XattrError, in file.Digest, file.HasVerity);
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
    /// <param name="rule">The one that is not content; null: all are.</param>
    public static Appraisal.Appraisal FirstFailure(
        in Question question, IMeasurementProvider what, bool distrusts, out ImaRule? rule)
    {
        foreach (ImaRule one in question.Decision.Appraise)
        {
            rule = one;
            Appraisal.Appraisal outcome = distrusts ? Appraisal.Appraisal.Unverifiable : what.Appraise(one);
            if (outcome != Appraisal.Appraisal.Pass)
            {
                return outcome;
            }
        }

        rule = null;
        return Appraisal.Appraisal.Pass;
    }

    static bool MayLabel(AccessRequest access, ImaHook hook) =>
        hook != ImaHook.BprmCheck && Accessor.IsLabeller(access.Pid);

    bool TryFix(AccessRequest access, Appraisal.Appraisal outcome, CollectedFile file) =>
        options.Appraise == AppraiseMode.Fix && Appraiser.MayFix(outcome, file.SecurityIma) && label.TryWrite(access, file);

    void Report(
        AccessRequest access, ImaHook hook, ImaRule rule, CollectedFile file, Appraisal.Appraisal outcome, bool enforce)
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
        EngineLog.Denial(
            log, access.IsRunning ? "would have denied" : enforce ? "denied" : "would deny", path, hook.Name(), access.Pid,
            Accessor.ReadName(access.Pid), Accessor.ReadUid(access.Pid), Appraiser.Cause(outcome),
            rule.Origin, rule.Reason == null ? Appraiser.Advice(outcome, path) : $"{rule.Reason}; {Appraiser.Advice(outcome, path)}");
    }
}
