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
sealed class FileAppraisal(EngineOptions options, EngineCounters counters, ILogger log)
{
    /// <summary>Does security.ima vouch for the file? (LIM: appraise_measurement)</summary>
    public Verdict Judge(AccessRequest access, in Question question, FileMeasurement file)
    {
        var pass = new Verdict(GuardDecision.Allow, question.HoldsForAll && access.IsLeased, question.Policy);
        if (question.Decision.Appraise == null || options.Appraise == AppraiseMode.Off || access.IsOwn)
        {
            return pass;
        }

        Appraisal.Appraisal outcome = file.Appraise();
        if (outcome == Appraisal.Appraisal.Pass || TryFix(access, outcome, file.File))
        {
            return pass;
        }

        if (MayLabel(access, question.Hook))
        {
            return Verdict.Allow;
        }

        bool enforce = options.Appraise == AppraiseMode.Enforce;
        Report(access, in question, file.File, outcome, enforce);
        return enforce ? Verdict.Deny : pass;
    }

    static bool MayLabel(AccessRequest access, ImaHook hook) =>
        hook != ImaHook.BprmCheck && Accessor.IsLabeller(access.Pid);

    bool TryFix(AccessRequest access, Appraisal.Appraisal outcome, CollectedFile file)
    {
        if (options.Appraise != AppraiseMode.Fix || !Appraiser.MayFix(outcome, file.SecurityIma))
        {
            return false;
        }

        string path = EntryName.ToText(file.Path);
        Span<byte> label = stackalloc byte[2 + HashAlgorithm.MaxSize];
        int error = access.File.SetXattr("security.ima\0"u8, label[..SecurityIma.Write(in file.Digest, label)]);
        if (error < 0)
        {
            EngineLog.NotFixed(log, path, ErrnoException.Describe(-error));
            return false;
        }

        counters.AddFixed();
        string digest = file.Digest.ToString();
        EngineLog.Fixed(log, path, digest);
        return true;
    }

    void Report(
        AccessRequest access, in Question question, CollectedFile file, Appraisal.Appraisal outcome, bool enforce)
    {
        if (enforce)
        {
            counters.AddDenied();
        }
        else
        {
            counters.AddWouldDeny();
        }

        string path = EntryName.ToText(file.Path);
        EngineLog.Denial(
            log, enforce ? "denied" : "would deny", path, question.Hook.Name(), access.Pid,
            Accessor.ReadName(access.Pid), Accessor.ReadUid(access.Pid), Appraiser.Cause(outcome),
            question.Decision.Appraise!.Origin, Appraiser.Advice(outcome, path));
    }
}
