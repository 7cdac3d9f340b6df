using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>
/// One access, from the question to the verdict, in the kernel's order (ima_main.c, process_measurement): policy,
/// collect, store, appraise. A denied file stands in the list, because it is stored before it is appraised.
/// </summary>
sealed class ImaEngine(
    EngineOptions options, ImaPolicy policy, RuntimeMeasurements list, EngineCounters counters, ILogger log)
{
    ImaPolicy _policy = policy;

    /// <summary>The rules in force. Setting them decides every access that begins afterwards.</summary>
    public ImaPolicy Policy
    {
        get => Volatile.Read(ref _policy);
        set => Volatile.Write(ref _policy, value);
    }

    public EngineOptions Options => options;

    public EngineCounters Counters => counters;

    /// <summary>Judges one access. May be called by several workers, each with scratch space of its own.</summary>
    public Verdict ProcessMeasurement(AccessRequest access, Scratch scratch)
    {
        CollectedFile file = scratch.File;
        if (!access.HasFile || file.Identify(access.File) < 0)
        {
            return Unjudged(access, scratch, "its descriptor could not be received", record: false);
        }

        Question question = MustMeasure(access, file);
        OpenMode mode = ModeOf(access, question.Hook);
        if (question.Decision.IsNothing || mode == OpenMode.Write)
        {
            return Verdict.Allow;
        }

        if (access.IsLate)
        {
            return Late(access, in question, scratch);
        }

        int error = CollectMeasurement(access, scratch);
        if (error == FileHasher.Canceled)
        {
            // The accessor was killed: nobody waits for a verdict.
            return Verdict.Deny;
        }

        if (error < 0)
        {
            return Unjudged(access, scratch, $"it cannot be read: {ErrnoException.Describe(-error)}", record: true);
        }

        bool stored = StoreViolation(access, in question, mode, scratch) && StoreMeasurement(in question, scratch);
        if (access.HasWriter && question.Hook == ImaHook.BprmCheck)
        {
            return Verdict.Busy;
        }

        Verdict verdict = AppraiseMeasurement(access, in question, file);
        return stored || verdict.Decision == GuardDecision.Deny
            ? verdict
            : Unjudged(access, scratch, list.Fault ?? "it could not be recorded", record: false);
    }

    /// <summary>The outcome of an access that there is no room to judge.</summary>
    public Verdict GiveUp(AccessRequest access, Scratch scratch, string cause) =>
        Unjudged(access, scratch, cause, record: scratch.File.Identify(access.File) == 0, "unjudged");

    /// <summary>Which rules concern this access? (LIM: must_measure)</summary>
    Question MustMeasure(AccessRequest access, CollectedFile file)
    {
        ImaPolicy policy = Policy;
        Subject subject = policy.AsksAboutSubject ? Accessor.ReadSubject(access.Pid) : default;
        var target = new Target(access.File.FilesystemMagic, file.Stat.Uid, file.Stat.Gid);
        return Question.Ask(policy, HookOf(access), in subject, in target, file.Stat.IsRegular);
    }

    /// <summary>Hashes the file from its own descriptor. (LIM: collect_measurement)</summary>
    int CollectMeasurement(AccessRequest access, Scratch scratch) =>
        scratch.File.Collect(access.File, options.ImaHash, access.IsStillWanted);

    /// <summary>Appends the entry, then extends the PCR. (LIM: store_measurement)</summary>
    /// <returns>False when the list or the TPM did not take it.</returns>
    bool StoreMeasurement(in Question question, Scratch scratch)
    {
        if (question.Decision.Measure == null)
        {
            return true;
        }

        StoreOutcome outcome = Store(scratch, in scratch.File.Digest, violation: false);
        if (outcome == StoreOutcome.AlreadyThere)
        {
            counters.AddRepeated();
        }
        else if (outcome == StoreOutcome.Stored)
        {
            counters.AddMeasured();
        }

        return outcome is StoreOutcome.Stored or StoreOutcome.AlreadyThere;
    }

    /// <summary>Does security.ima vouch for the file? (LIM: appraise_measurement)</summary>
    Verdict AppraiseMeasurement(AccessRequest access, in Question question, CollectedFile file)
    {
        var pass = new Verdict(GuardDecision.Allow, question.HoldsForAll && access.IsLeased, question.Policy);
        if (question.Decision.Appraise == null || options.Appraise == AppraiseMode.Off || access.IsOwn)
        {
            return pass;
        }

        SecurityIma xattr = file.SecurityIma;
        Appraisal.Appraisal outcome = Appraiser.Appraise(in xattr, file.XattrError, in file.Digest);
        if (outcome == Appraisal.Appraisal.Pass || TryFix(access, outcome, file))
        {
            return pass;
        }

        if (MayLabel(access, question.Hook))
        {
            return Verdict.Allow;
        }

        bool enforce = options.Appraise == AppraiseMode.Enforce;
        Report(access, in question, file, outcome, enforce);
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

        Span<byte> label = stackalloc byte[2 + HashAlgorithm.MaxSize];
        int error = access.File.SetXattr("security.ima\0"u8, label[..SecurityIma.Write(in file.Digest, label)]);
        if (error < 0)
        {
            EngineLog.NotFixed(log, Text(file.Path), ErrnoException.Describe(-error));
            return false;
        }

        counters.AddFixed();
        string path = Text(file.Path);
        string digest = file.Digest.ToString();
        EngineLog.Fixed(log, path, digest);
        return true;
    }

    /// <summary>
    /// The guard has answered without us. That is recorded at once and without the digest, which a worker that is at
    /// it may still add; hashing it here could take as long again. What was denied needs no violation.
    /// </summary>
    Verdict Late(AccessRequest access, in Question question, Scratch scratch) => Unjudged(
        access, scratch, "its deadline passed", record: options.FailAllows && question.Decision.Measure != null,
        "deadline");

    /// <summary>The access cannot be judged as it should: the configured outcome, and a record of it.</summary>
    /// <param name="record">Enter a violation: the file was used without a digest.</param>
    /// <param name="violation">Its name in the log.</param>
    Verdict Unjudged(
        AccessRequest access, Scratch scratch, string cause, bool record, string violation = "unreadable")
    {
        counters.AddFailed();
        EngineLog.Unjudged(log, Text(scratch.File.Path), access.Pid, cause, options.FailAllows ? "allowed" : "denied");
        if (record)
        {
            _ = StoreViolation(access, scratch, violation);
        }

        return options.FailAllows ? Verdict.Allow : Verdict.Deny;
    }

    /// <summary>Records that what was measured may not be what is used (ima_rdwr_violation_check), if that is so.</summary>
    /// <returns>False when the list or the TPM did not take it.</returns>
    bool StoreViolation(AccessRequest access, in Question question, OpenMode mode, Scratch scratch)
    {
        bool openWriters = access.HasWriter && question.Hook != ImaHook.BprmCheck && mode == OpenMode.Read;
        return question.Decision.Measure == null || !openWriters || StoreViolation(access, scratch, "open_writers");
    }

    bool StoreViolation(AccessRequest access, Scratch scratch, string cause)
    {
        EngineLog.Violation(log, cause, Text(scratch.File.Path), access.Pid);
        return Store(scratch, Digest.Zero(options.ImaHash), violation: true) == StoreOutcome.Stored;
    }

    StoreOutcome Store(Scratch scratch, in Digest digest, bool violation)
    {
        var source = new FieldSource
        {
            Digest = digest,
            Name = scratch.File.Path,
            Signature = scratch.File.SignatureField,
        };
        scratch.Data.Clear();
        options.Template.AppendData(in source, scratch.Data);
        return list.Add(options.Template, scratch.Data.Written, options.Pcr, violation);
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

        string path = Text(file.Path);
        EngineLog.Denial(
            log, enforce ? "denied" : "would deny", path, question.Hook.Name(), access.Pid,
            Accessor.ReadName(access.Pid), Accessor.ReadSubject(access.Pid).Uid, Appraiser.Cause(outcome),
            question.Decision.Appraise!.Origin, Appraiser.Advice(outcome, path));
    }

    /// <summary>
    /// A refused lease means that the file is open for writing: by somebody else, or because this very open is one for
    /// writing. The kernel measures no such open, and neither do we.
    /// </summary>
    static OpenMode ModeOf(AccessRequest access, ImaHook hook) =>
        access.HasWriter && hook != ImaHook.BprmCheck ? OpenModes.Read(access.Pid) : OpenMode.Read;

    static ImaHook HookOf(AccessRequest access) => access.Access switch
    {
        GuardAccess.Exec => ImaHook.BprmCheck,
        GuardAccess.Elf => ImaHook.MmapCheck,
        GuardAccess.Data => ImaHook.FileCheck,
        GuardAccess.Open => MayBeMapped(access.File) ? ImaHook.MmapCheck : ImaHook.FileCheck,
        _ => throw new ArgumentOutOfRangeException(nameof(access)),
    };

    /// <summary>The guard could not see what kind of file is opened without waiting for a disk. We may wait.</summary>
    static bool MayBeMapped(HeldFile file)
    {
        Span<byte> start = stackalloc byte[ElfHeader.Size];
        return ElfHeader.MayBeMapped(start[..Math.Max(file.ReadAt(start, 0), 0)]);
    }

    static string Text(ReadOnlySpan<byte> path) => EntryName.ToText(path);
}
