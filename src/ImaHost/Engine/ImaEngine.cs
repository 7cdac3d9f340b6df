using ImaHost.Appraisal;
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
    EngineOptions options, ImaPolicy policy, RuntimeMeasurements list, ReadWriteCheck readWrite,
    EngineCounters counters, ILogger log)
{
    readonly FileAppraisal _appraisal = new(options, new FileLabel(counters, log), counters, log);
    readonly FileAudit _audit = new(new FileLabel(counters, log), log);
    ImaPolicy _policy = policy;
    Vouchers _vouchers = Vouchers.Empty;

    /// <summary>The rules in force. Setting them decides every access that begins afterwards.</summary>
    public ImaPolicy Policy
    {
        get => Volatile.Read(ref _policy);
        set => Volatile.Write(ref _policy, value);
    }

    /// <summary>Who may vouch for files. Setting them decides every appraisal that begins afterwards.</summary>
    public Vouchers Vouchers
    {
        get => Volatile.Read(ref _vouchers);
        set => Volatile.Write(ref _vouchers, value);
    }

    /// <summary>What verdicts are kept under now: it differs when the rules or the vouchers do.</summary>
    public ulong Fingerprint => Policy.Fingerprint ^ Vouchers.Stamp;

    public EngineOptions Options => options;

    public EngineCounters Counters => counters;

    /// <summary>What is hashed at this time, by whichever worker.</summary>
    public HashesUnderWay Hashes { get; } = new(options.Deadline);

    /// <summary>What was decided lately.</summary>
    public DecisionLog Decisions => _appraisal.Decisions;

    /// <summary>How long judging takes.</summary>
    public EngineLatency Latency { get; } = new();

    /// <summary>
    /// Judges one access. May be called by several workers, each with scratch space of its own that has begun with it.
    /// </summary>
    public Verdict ProcessMeasurement(AccessRequest access, Scratch scratch)
    {
        FileMeasurement file = scratch.File;
        if (!file.IsKnown)
        {
            return Unjudged(access, scratch, "its descriptor could not be received", record: false);
        }

        // What nobody waits for is no time of ours.
        using StageClock clock = access.IsHeld ? Latency.Start(scratch, access.Received) : default;
        Question question = file.MustMeasure(Policy);
        clock.Lap(JudgingStage.Policy);
        bool recorded = CheckReadWrite(access, in question, scratch, clock);
        if (question.Decision.IsNothing)
        {
            return recorded
                ? Verdict.Allow with { Policy = question.Policy ^ Vouchers.Stamp }
                : Unrecorded(access, scratch);
        }

        if (access.IsLate)
        {
            return Late(access, in question, scratch);
        }

        return MeasureAndAppraise(access, in question, scratch, clock, recorded);
    }

    /// <param name="recorded">What was to be entered until now stands in the list.</param>
    Verdict MeasureAndAppraise(
        AccessRequest access, in Question question, Scratch scratch, StageClock clock, bool recorded)
    {
        FileMeasurement file = scratch.File;
        int error = CollectMeasurement(file, in question);
        clock.Lap(JudgingStage.Hash);
        if (error == FileHasher.Canceled)
        {
            // The accessor was killed: nobody waits for a verdict.
            return Verdict.Deny;
        }

        if (error < 0)
        {
            return Unjudged(access, scratch, $"it cannot be read: {ErrnoException.Describe(-error)}", record: true);
        }

        recorded = StoreMeasurement(file, in question, scratch) != StoreOutcome.NotStored && recorded;
        clock.Lap(JudgingStage.Store);
        if (access.HasWriter && question.Hook == ImaHook.BprmCheck)
        {
            return Verdict.Busy;
        }

        _audit.Act(access, in question, file);
        Verdict verdict = _appraisal.Judge(access, in question, file, Vouchers);
        clock.Lap(JudgingStage.Appraise);
        return recorded || verdict.Decision == GuardDecision.Deny ? verdict : Unrecorded(access, scratch);
    }

    /// <summary>Enters what is no file: asking for it is the rule, and there is nothing to appraise.</summary>
    public StoreOutcome Measure(IMeasurementProvider what, Scratch scratch)
    {
        Question question = what.MustMeasure(Policy);
        return CollectMeasurement(what, in question) < 0
            ? StoreOutcome.NotStored
            : StoreMeasurement(what, in question, scratch);
    }

    /// <summary>Measures and appraises a file of rules before they are put in force (ima_read_policy).</summary>
    /// <returns>Why they must not be, or null.</returns>
    public string? ProcessPolicy(PolicyFileMeasurement file, Scratch scratch)
    {
        Question question = file.MustMeasure(Policy);
        if (question.Decision.IsNothing)
        {
            return null;
        }

        int error = CollectMeasurement(file, in question);
        if (error < 0)
        {
            return $"it cannot be measured: {ErrnoException.Describe(-error)}";
        }

        _ = StoreMeasurement(file, in question, scratch);
        Finding found = FileAppraisal.Appraise(in question, file, Vouchers, distrusts: false, out ImaRule? rule);
        return found.Passes || rule!.OnlyLogs || options.Appraise != AppraiseMode.Enforce
            ? null
            : $"{rule.Origin} appraises policies: {AppraisalText.Cause(found.Outcome)}";
    }

    /// <summary>Before this access is judged, must it be known who holds the file open?</summary>
    /// <returns>Who is to be looked for, or null.</returns>
    public HolderQuery? AskForHolders(AccessRequest access, Scratch scratch)
    {
        FileMeasurement file = scratch.File;
        if (access.Holders != null || (!access.IsNotice && access.Mode == OpenMode.Read))
        {
            return null;
        }

        bool measures = (access.IsNotice ? file.AskAboutMapping(Policy) : file.MustMeasure(Policy)).Decision.Measures;
        Holders wanted = !access.IsNotice ? readWrite.Wanted(file.File.Stat, access.Mode, measures)
            : measures ? Holders.Reader
            : Holders.None;
        return wanted == Holders.None ? null : new HolderQuery(file.File.Stat, wanted);
    }

    /// <summary>
    /// Somebody opens a file for writing whose verdict the kernel held: it was measured, so whoever still reads it
    /// reads what will not stay as it was measured.
    /// </summary>
    public void NoteWriter(AccessRequest access, Scratch scratch)
    {
        if (access.Holders is { } holders && scratch.File.IsKnown)
        {
            readWrite.Forget(scratch.File.File.Stat);
            if (holders.Found.HasFlag(Holders.Reader))
            {
                _ = StoreViolation(access, scratch, ReadWriteCheck.ToMToU);
            }
        }
    }

    /// <summary>The outcome of an access that there is no room to judge.</summary>
    public Verdict GiveUp(AccessRequest access, Scratch scratch, string cause) =>
        Unjudged(access, scratch, cause, record: true, "unjudged");

    /// <summary>The digest, and whatever else its entries show. (LIM: collect_measurement)</summary>
    int CollectMeasurement(IMeasurementProvider what, in Question question)
    {
        bool content = question.Decision.Audit != null || question.Decision.Hash != null;
        var wanted = new CollectRequest(options.ImaHash, Content: content);
        foreach (ImaRule rule in question.Decision.Measure)
        {
            wanted = wanted.For(options.TemplateFor(rule)).For(rule);
        }

        foreach (ImaRule rule in question.Decision.Appraise)
        {
            wanted = wanted.For(rule);
        }

        return what.Collect(in wanted);
    }

    /// <summary>Appends the entries, each before it extends its PCR. (LIM: store_measurement)</summary>
    StoreOutcome StoreMeasurement(IMeasurementProvider what, in Question question, Scratch scratch)
    {
        StoreOutcome outcome = StoreOutcome.AlreadyThere;
        foreach (ImaRule rule in question.Decision.Measure)
        {
            StoreOutcome stored = StoreFor(what, rule, scratch);
            if (stored == StoreOutcome.NotStored)
            {
                return stored;
            }

            outcome = outcome == StoreOutcome.Stored ? outcome : stored;
        }

        return outcome;
    }

    /// <returns>NotStored when the list or the TPM did not take it.</returns>
    StoreOutcome StoreFor(IMeasurementProvider what, ImaRule rule, Scratch scratch)
    {
        if (!what.HasDigestFor(rule))
        {
            // As in the kernel, which has nothing to enter then (ima_collect_measurement: ENODATA).
            return StoreOutcome.AlreadyThere;
        }

        StoreOutcome outcome = Store(what, rule, EntryKind.Measurement, scratch);
        if (outcome == StoreOutcome.AlreadyThere)
        {
            counters.AddRepeated();
        }
        else if (outcome == StoreOutcome.Stored)
        {
            counters.AddMeasured();
        }

        return outcome == StoreOutcome.NotExtended ? StoreOutcome.NotStored : outcome;
    }

    /// <summary>
    /// The guard has answered without us. That is recorded at once and without the digest, which a worker that is at
    /// it may still add; hashing it here could take as long again. What was denied needs no violation.
    /// </summary>
    Verdict Late(AccessRequest access, in Question question, Scratch scratch) => Unjudged(
        access, scratch, "its deadline passed", record: options.FailAllows && question.Decision.Measures,
        "deadline");

    Verdict Unrecorded(AccessRequest access, Scratch scratch) =>
        Unjudged(access, scratch, list.Fault ?? "it could not be recorded", record: false);

    /// <summary>The access cannot be judged as it should: the configured outcome, and a record of it.</summary>
    /// <param name="record">Enter a violation: the file was used without a digest.</param>
    /// <param name="violation">Its name in the log.</param>
    Verdict Unjudged(
        AccessRequest access, Scratch scratch, string cause, bool record, string violation = "unreadable")
    {
        counters.AddFailed();
        string path = scratch.File.IsKnown ? EntryName.ToText(scratch.File.File.Path) : "?";
        string outcome = access.IsRunning ? "left running" : options.FailAllows ? "allowed" : "denied";
        EngineLog.Unjudged(log, path, access.Pid, cause, outcome);
        NoteUnjudged(access, scratch.File, cause);
        if (record && scratch.File.IsKnown)
        {
            _ = StoreViolation(access, scratch, violation);
        }

        return options.FailAllows ? Verdict.Allow : Verdict.Deny;
    }

    /// <summary>By the hook that can be told without looking at the file, which may be what cannot be read.</summary>
    void NoteUnjudged(AccessRequest access, FileMeasurement file, string cause)
    {
        if (file.IsKnown && options.Appraise != AppraiseMode.Off)
        {
            Decisions.Note(new Decision
            {
                Outcome = DecisionOutcome.Unjudged,
                Hook = access.Access == GuardAccess.Exec ? ImaHook.BprmCheck
                    : access.Access == GuardAccess.Data ? ImaHook.FileCheck : ImaHook.MmapCheck,
                Pid = access.Pid,
                File = file.File,
                Mode = options.Appraise,
                Fault = cause,
                Violation = file.Violation,
                Policy = Policy.Fingerprint,
                Vouchers = Vouchers,
            });
        }
    }

    /// <summary>Records that what was measured may not be what is used (ima_rdwr_violation_check), if that is so.</summary>
    /// <returns>False when the list or the TPM did not take it.</returns>
    bool CheckReadWrite(AccessRequest access, in Question question, Scratch scratch, StageClock clock)
    {
        if (question.Hook == ImaHook.BprmCheck)
        {
            return true;
        }

        bool measures = question.Decision.Measures && !access.IsOwn;
        string? violation = readWrite.Decide(
            scratch.File.File.Stat, access.Mode, measures, access.HasWriter, access.IsLeased,
            access.Holders?.Found ?? Holders.None);
        if (violation == null)
        {
            return true;
        }

        bool stored = StoreViolation(access, scratch, violation);
        clock.Lap(JudgingStage.Store);
        return stored;
    }

    /// <summary>Always in the configured PCR and template, whatever the rule says (ima_add_violation).</summary>
    bool StoreViolation(AccessRequest access, Scratch scratch, string cause)
    {
        CollectedFile file = scratch.File.File;
        scratch.File.Violation = cause;
        string uid = access.Pid == 0 ? "?" : $"{Accessor.ReadUid(access.Pid)}";
        EngineLog.Violation(
            log, cause, Accessor.ReadName(access.Pid), EntryName.ToText(file.Path), file.Stat.DeviceMajor,
            file.Stat.DeviceMinor, file.Stat.Inode, access.Pid, uid);
        return Store(scratch.File, rule: null, EntryKind.Violation, scratch) == StoreOutcome.Stored;
    }

    StoreOutcome Store(IMeasurementProvider what, ImaRule? rule, EntryKind kind, Scratch scratch)
    {
        TemplateDescriptor template = options.TemplateFor(rule);
        FieldSource fields = what.Fields(options, rule);
        scratch.Data.Clear();
        template.AppendData(in fields, scratch.Data);
        return list.Add(template, scratch.Data.Written, options.PcrFor(rule), kind);
    }
}
