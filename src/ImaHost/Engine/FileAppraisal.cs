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
    public const long Fuse = 0x65735546; // FUSE_SUPER_MAGIC, linux/magic.h

    /// <summary>A lease here does not know of mappings, nor of writers of the layer below.</summary>
    const long Overlay = 0x794c7630; // OVERLAYFS_SUPER_MAGIC

    /// <summary>What was decided lately, for who asks why.</summary>
    public DecisionLog Decisions { get; } = new();

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
        bool isFixed = !found.Passes && TryFix(access, found.Outcome, file.File);
        if (!(found.Passes || isFixed) && MayLabel(access, question.Hook))
        {
            return Verdict.Allow;
        }

        bool enforce = options.Appraise == AppraiseMode.Enforce && !rule!.OnlyLogs;
        var decision = new Decision
        {
            Outcome = found.Passes ? DecisionOutcome.Allowed : isFixed ? DecisionOutcome.Fixed
                : access.IsRunning ? DecisionOutcome.LeftRunning : enforce ? DecisionOutcome.Denied
                : DecisionOutcome.WouldDeny,
            Hook = question.Hook,
            Pid = access.Pid,
            File = file.File,
            Finding = found,
            Rule = rule,
            Mode = options.Appraise,
            Violation = file.Violation,
            Policy = question.Policy,
            Vouchers = vouchers,
        };
        Decisions.Note(in decision);
        if (decision.IsAllowed)
        {
            // The kernel keeps verdicts by inode: one that holds for a path alone is not for the next name.
            return found.Reference?.IsBound == true ? pass with { Cache = false } : pass;
        }

        Report(in decision);
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
            if ((decisive.Passes && !(found.Passes && decisive.Reference?.IsBound == true)) || !(found.Passes || one.OnlyLogs))
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

    void Report(in Decision decision)
    {
        Count(decision.Outcome);
        CollectedFile file = decision.File;
        ImaRule rule = decision.Rule!;
        string path = EntryName.ToText(file.Path);
        string advice = AppraisalText.Advice(decision.Finding.Outcome, file.Path, decision.Finding.Check);
        SecurityIma label = file.SecurityIma;
        Digest digest = DecisionLog.DigestOf(file);
        EngineLog.Denial(
            log, Word(decision.Outcome), path, decision.Hook.Name(), decision.Pid, Accessor.ReadName(decision.Pid),
            Accessor.ReadUid(decision.Pid), AppraisalText.Cause(decision.Finding.Outcome), rule.Origin,
            rule.By == Vouching.None ? "security.ima" : string.Join('|', Vouchings.NamesOf(rule.By)),
            LabelText.Kind(label.Type), LabelText.Key(LabelText.KeyId(in label)) ?? "none",
            digest.Algorithm == null ? "none" : digest.ToString(),
            rule.Reason == null ? advice : $"{rule.Reason}; {advice}");
    }

    static string Word(DecisionOutcome outcome) => outcome switch
    {
        DecisionOutcome.LeftRunning => "would have denied",
        DecisionOutcome.WouldDeny => "would deny",
        DecisionOutcome.Denied => "denied",
        DecisionOutcome.Allowed or DecisionOutcome.Fixed or DecisionOutcome.Unjudged or DecisionOutcome.Dropped or _ =>
            throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    void Count(DecisionOutcome outcome)
    {
        if (outcome == DecisionOutcome.LeftRunning)
        {
            counters.AddRunningDenied();
        }
        else if (outcome == DecisionOutcome.Denied)
        {
            counters.AddDenied();
        }
        else
        {
            counters.AddWouldDeny();
        }
    }
}
