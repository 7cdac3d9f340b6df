using System.Text.Json.Serialization;
using ImaHost.Appraisal;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using ImaHost.Segments;

namespace ImaHost.Daemon;

/// <summary>What <c>imahost status</c> shows; its JSON form is made of the same words.</summary>
sealed record StatusReport
{
    public required string Version { get; init; }

    public required int HostPid { get; init; }

    public required IReadOnlyList<string> Watch { get; init; }

    public required string Appraise { get; init; }

    public required string Fs { get; init; }

    public required string State { get; init; }

    public required ListStatus List { get; init; }

    public required SegmentStatus Segments { get; init; }

    public required TpmStatus Tpm { get; init; }

    public required AccessStatus Accesses { get; init; }

    public required HoldStatus Holds { get; init; }

    public required LatencyStatus Latency { get; init; }

    public required PolicyStatus Policy { get; init; }

    public required VoucherStatus Vouchers { get; init; }

    public required DecisionStatus Decisions { get; init; }

    /// <summary>"measured, fanotify only" or "measured and BPF-enforced": never blurred.</summary>
    public required string Level { get; init; }

    public required BpfStatus Bpf { get; init; }

    public required CoverageStatus Coverage { get; init; }

    /// <summary>What can run unseen at this level.</summary>
    public required IReadOnlyList<string> Holes { get; init; }

    /// <summary>Faults that want attention now.</summary>
    public required IReadOnlyList<string> Faults { get; init; }

    /// <param name="shared">What the guard has counted.</param>
    /// <param name="mounts">What came to be mounted.</param>
    /// <param name="running">What ran before.</param>
    /// <param name="groupFaults">Who holds what is the guard's alone.</param>
    /// <param name="segments">What becomes of the list when it is long.</param>
    /// <param name="denials">What the BPF programs told this host.</param>
    public static StatusReport Make(
        DaemonOptions options, SharedState shared, ImaEngine engine, RuntimeMeasurements list, string? policyFault,
        IReadOnlyList<string> voucherWarnings, MountReport mounts, RunningReport running, IReadOnlyList<string> groupFaults,
        SegmentUpkeep segments, IReadOnlyList<CodeRefusal> denials)
    {
        GuardCounters guard = shared.Counters;
        EngineCounters counters = engine.Counters;
        LogExtent extent = list.Log.Extent;
        ResolvedEnvironment resolved = options.Resolved!;
        return new StatusReport
        {
            Version = ProductVersion.Text,
            HostPid = Environment.ProcessId,
            Watch = [.. resolved.Watched, .. mounts.Watched],
            Appraise = Words.Name(options.Appraise),
            Fs = options.Fs,
            State = options.State,
            List = new ListStatus(extent.Entries, list.Violations, extent.BinaryBytes, list.Log.Path),
            Segments = segments.Status,
            Tpm = new TpmStatus(resolved.Tpm, resolved.Banks, options.Pcr, list.Extended, list.Fault),
            Accesses = new AccessStatus(
                guard.Events, guard.Allowed, guard.Denied, guard.Unjudged, guard.Marked, guard.Own, guard.Deadlines,
                guard.Resent, guard.HostStarts, guard.LeaseBreaks, guard.Unleasable, guard.Cached, guard.Held, counters.Measured,
                counters.Repeated, counters.Denied, counters.WouldDeny, counters.Fixed, counters.Failed,
                engine.Hashes.Bytes),
            Holds = HoldStatus.From(in guard.Holds),
            Latency = LatencyStatus.Of(engine.Latency),
            Policy = PolicyStatus.Of(engine.Policy, policyFault),
            Vouchers = VoucherStatus.Of(engine.Vouchers, voucherWarnings),
            Decisions = new DecisionStatus(engine.Decisions.Dropped),
            Level = Daemon.Coverage.Level(shared.CodeGate),
            Bpf = new BpfStatus(
                Words.Name(shared.CodeGate), resolved.WithoutBpf, guard.BpfDenied, guard.BpfReported, guard.BpfLost,
                guard.BpfDropped, denials),
            Coverage = CoverageStatus.Of(shared.Since, running),
            Holes = [.. Daemon.Coverage.Holes(shared.CodeGate, options), .. mounts.Holes],
            Faults = [.. new[] { list.Fault, policyFault }.OfType<string>(), .. groupFaults, .. segments.Faults],
        };
    }
}

sealed record ListStatus(long Entries, long Violations, long BinaryBytes, string File);

/// <summary>The BPF programs, since they were loaded; what they told is since this host started.</summary>
/// <param name="Mode">off, report or enforce.</param>
/// <param name="Cause">Why they are not at work; null: they are.</param>
/// <param name="Reported">Let through, and told.</param>
/// <param name="Lost">Neither in the log nor in <paramref name="Refusals"/>.</param>
/// <param name="Dropped">Verdicts that a change of the file has ended.</param>
sealed record BpfStatus(
    string Mode, string? Cause, ulong Denied, ulong Reported, ulong Lost, ulong Dropped, IReadOnlyList<CodeRefusal> Refusals);

/// <param name="Dropped">Decisions that `imahost why` will not know of, since this host started.</param>
sealed record DecisionStatus(long Dropped);

sealed record TpmStatus(string Name, IReadOnlyList<string> Banks, int Pcr, long Extended, string? Fault);

/// <summary>Since the guard started; measured … failed since the host started.</summary>
sealed record AccessStatus(
    ulong Events, ulong Allowed, ulong Denied, ulong Unjudged, ulong Marked, ulong Own, ulong Deadlines, ulong Resent,
    ulong HostStarts, ulong LeaseBreaks, ulong Unleasable, ulong Cached, ulong Held, long Measured, long Repeated,
    long AppraisalDenied, long WouldDeny, long Fixed, long Failed, long HashedBytes);

/// <summary>How long accesses were held, microseconds: upper bounds of powers of two.</summary>
sealed record HoldStatus(ulong Count, ulong P50, ulong P90, ulong P99, ulong Max)
{
    public static HoldStatus From(in HoldHistogram holds)
    {
        ReadOnlySpan<ulong> buckets = holds;
        ulong count = 0;
        foreach (ulong bucket in buckets)
        {
            count += bucket;
        }

        return new HoldStatus(
            count, Bound(buckets, count, 0.5), Bound(buckets, count, 0.9), Bound(buckets, count, 0.99),
            Bound(buckets, count, 1));
    }

    static ulong Bound(ReadOnlySpan<ulong> buckets, ulong count, double share)
    {
        ulong seen = 0;
        for (int i = 0; i < buckets.Length && count > 0; i++)
        {
            seen += buckets[i];
            if (seen >= share * count)
            {
                return 1ul << i;
            }
        }

        return 0;
    }
}

/// <summary>How long the host took to judge, since it started.</summary>
sealed record LatencyStatus(
    StageStatus Policy, StageStatus Hash, StageStatus Store, StageStatus Appraise, StageStatus Total)
{
    public static LatencyStatus Of(EngineLatency latency) => new(
        StageStatus.Of(latency.Read(JudgingStage.Policy)), StageStatus.Of(latency.Read(JudgingStage.Hash)),
        StageStatus.Of(latency.Read(JudgingStage.Store)), StageStatus.Of(latency.Read(JudgingStage.Appraise)),
        StageStatus.Of(latency.Read(JudgingStage.Total)));
}

/// <summary>Microseconds, rounded up to tenths. The percentiles are at most a quarter too much; the maximum is exact.</summary>
sealed record StageStatus(long Count, double P50, double P90, double P99, double Max)
{
    public static StageStatus Of(LatencyHistogram times) => new(
        times.Count, Microseconds(times.Percentile(0.5)), Microseconds(times.Percentile(0.9)),
        Microseconds(times.Percentile(0.99)), Microseconds(times.Max));

    static double Microseconds(long nanoseconds) => Math.Ceiling(nanoseconds / 100.0) / 10;
}

/// <param name="Since">When what is configured to be watched was, UTC.</param>
/// <param name="RunningFiles">That ran or were mapped to be executed already.</param>
/// <param name="RunningDenied">Of these: appraisal would have denied them.</param>
/// <param name="Complete">All of them were looked at.</param>
sealed record CoverageStatus(
    DateTime Since, int RunningFiles, int RunningProcesses, long RunningDenied, bool Complete)
{
    const ulong NanosecondsInTick = 100;

    /// <param name="since">Nanoseconds of CLOCK_REALTIME.</param>
    public static CoverageStatus Of(ulong since, RunningReport running) => new(
        DateTime.UnixEpoch.AddTicks((long)(since / NanosecondsInTick)), running.Count.Files, running.Count.Processes,
        running.Denied, running.IsComplete);
}

/// <param name="Sources">Where the rules come from, in order.</param>
/// <param name="Fault">Why the policy that should be in force is not.</param>
sealed record PolicyStatus(int Rules, bool AsksAboutReads, IReadOnlyList<string> Sources, string? Fault)
{
    public static PolicyStatus Of(ImaPolicy policy, string? fault) => new(
        policy.Rules.Count, policy.AsksAboutReads,
        [.. policy.Rules.Select(rule => SourceOf(rule.Origin)).Distinct()], fault);

    /// <summary>"FILE:LINE" without the line; a built-in policy has none.</summary>
    static string SourceOf(string origin) =>
        origin.LastIndexOf(':') is > 0 and int colon && origin[(colon + 1)..].All(char.IsAsciiDigit) ? origin[..colon] : origin;
}

/// <summary>Who may vouch for files, besides their own labels.</summary>
/// <param name="Keys">That verify signatures.</param>
/// <param name="Revoked">Digests, keys and certificates.</param>
/// <param name="Lists">Of digests, those of packages too.</param>
/// <param name="Digests">In them.</param>
/// <param name="Expired">Keys and lists whose time is over.</param>
/// <param name="SignaturesVerified">How many times a key was used: once for each content and signature.</param>
/// <param name="Warnings">What was left out, and why.</param>
sealed record VoucherStatus(
    int Keys, int Revoked, int Lists, int Digests, int Expired, long SignaturesVerified, IReadOnlyList<string> Warnings)
{
    public static VoucherStatus Of(Vouchers vouchers, IReadOnlyList<string> warnings) => new(
        vouchers.Keys.Keys.Count, vouchers.Blacklist.Count, vouchers.References.Sources.Count, vouchers.References.Count,
        vouchers.Expired, vouchers.Keys.Verifications, warnings);
}

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(StatusReport))]
sealed partial class StatusJson : JsonSerializerContext;
