using ImaHost.Engine;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>What is counted besides what <c>imahost status</c> shows.</summary>
/// <param name="DecisionsWritten">Lines of the record of decisions, by this host.</param>
/// <param name="DecisionsDropped">Decisions that are not in it.</param>
/// <param name="JournalDropped">Lines of log that the journal did not take.</param>
/// <param name="Warnings">What was left out of keys, lists and revocations.</param>
sealed record MoreCounts(long DecisionsWritten, long DecisionsDropped, long JournalDropped, int Warnings);

/// <summary>What the running host does, in numbers for a monitoring system.</summary>
static class Metrics
{
    /// <summary>2^10 ns to 2^34 ns (17 s), each four times the one before.</summary>
    const int FirstPower = 10;
    const int LastPower = 34;

    const double Nanosecond = 1e-9;
    const double Microsecond = 1e-6;

    /// <summary>The text.</summary>
    /// <param name="isOpen">As OpenMetrics; else for the textfile collector.</param>
    public static string Show(
        StatusReport status, ImaEngine engine, in HoldHistogram holds, MoreCounts more, bool isOpen)
    {
        var text = new MetricsText(isOpen);
        _ = text.Gauge(
            "imahost_build_info", "The version that runs, and how it appraises.", 1,
            $"{MetricsText.Label("version", status.Version)},{MetricsText.Label("appraise", status.Appraise)}");
        AddGuard(text, status.Accesses);
        AddBpf(text, status.Bpf);
        AddEngine(text, status, engine);
        AddList(text, status);
        AddSegments(text, status.Segments);
        AddVouchers(text, status, more);
        AddTimes(text, engine.Latency);
        _ = text.Histogram("imahost_hold_seconds", "How long accesses were held, since the service started.")
            .Distribution("imahost_hold_seconds", "", Holds(in holds), sum: null);
        return text.Finish();
    }

    static void AddGuard(MetricsText text, AccessStatus accesses) => _ = text
        .Counter("imahost_events", "Permission events since the service started.", accesses.Events)
        .Counters(
            "imahost_accesses", "Answers to them.",
            ("outcome=\"allowed\"", accesses.Allowed), ("outcome=\"denied\"", accesses.Denied))
        .Counter("imahost_unjudged", "Accesses that no rule asks about.", accesses.Unjudged)
        .Counter("imahost_own_accesses", "Accesses of the host itself.", accesses.Own)
        .Counter("imahost_deadlines", "Accesses answered without a verdict.", accesses.Deadlines)
        .Counter("imahost_resent_jobs", "Jobs sent again after the death of a host.", accesses.Resent)
        .Counter("imahost_host_starts", "Hosts started.", accesses.HostStarts)
        .Counter("imahost_lease_breaks", "Writers that waited for a file.", accesses.LeaseBreaks)
        .Counter("imahost_unkept_verdicts", "Accesses whose verdict could not be kept.", accesses.Unleasable)
        .Gauge("imahost_cached_verdicts", "Verdicts that the kernel holds.", accesses.Cached)
        .Gauge("imahost_held_accesses", "Accesses that wait at this moment.", accesses.Held);

    static void AddBpf(MetricsText text, BpfStatus bpf) => _ = text
        .Gauge("imahost_bpf_enforces", "1: the BPF programs refuse code without a verdict.", bpf.Mode == "enforce" ? 1 : 0)
        .Counters(
            "imahost_bpf_refusals", "Code without a verdict, since the programs were loaded.",
            ("outcome=\"denied\"", bpf.Denied), ("outcome=\"reported\"", bpf.Reported))
        .Counter("imahost_bpf_refusals_lost", "Of these, what no log tells of.", bpf.Lost)
        .Counter("imahost_bpf_verdicts_dropped", "Verdicts that a change of the file has ended.", bpf.Dropped);

    static void AddEngine(MetricsText text, StatusReport status, ImaEngine engine)
    {
        AccessStatus accesses = status.Accesses;
        _ = text
            .Counters(
                "imahost_measurements", "Accesses that brought an entry, and whose entry was there.",
                ("entry=\"new\"", accesses.Measured), ("entry=\"repeated\"", accesses.Repeated))
            .Counters(
                "imahost_appraisals_failed", "Accesses that nobody vouches for, by what came of them.",
                ("outcome=\"denied\"", accesses.AppraisalDenied), ("outcome=\"would_deny\"", accesses.WouldDeny),
                ("outcome=\"left_running\"", engine.Counters.RunningDenied), ("outcome=\"fixed\"", accesses.Fixed))
            .Counter("imahost_failures", "Accesses that could not be judged as they should.", accesses.Failed)
            .Counter("imahost_hashed_bytes", "Bytes read and hashed.", accesses.HashedBytes);
    }

    static void AddList(MetricsText text, StatusReport status) => _ = text
        .Gauge("imahost_list_entries", "Entries of the measurement list.", status.List.Entries)
        .Gauge("imahost_list_bytes", "Its size.", status.List.BinaryBytes)
        .Gauge("imahost_list_violations", "Its violations.", status.List.Violations)
        .Gauge("imahost_tpm_extended_entries", "Entries that the TPM has had.", status.Tpm.Extended)
        .Gauge("imahost_tpm_fault", "1: the list or the TPM has a fault.", status.Tpm.Fault == null ? 0 : 1)
        .Gauge("imahost_faults", "Faults that want attention.", status.Faults.Count);

    static void AddSegments(MetricsText text, SegmentStatus segments) => _ = text
        .Gauge("imahost_segments", "Segments of the list, with the one that grows and those that are erased.", segments.Count)
        .Gauge("imahost_segments_sealed", "Segments that are sealed.", segments.Sealed)
        .Gauge("imahost_segments_exported", "Segments that the target of the export has.", segments.Exported)
        .Gauge("imahost_segments_erased", "Segments whose bytes are erased.", segments.Erased)
        .Gauge("imahost_segments_kept_bytes", "Bytes of the list that are not erased.", segments.KeptBytes)
        .Gauge(
            "imahost_last_seal_timestamp_seconds", "When a segment was sealed last; 0: none ever was.",
            segments.LastSeal is { } time ? (time - DateTime.UnixEpoch).TotalSeconds : 0)
        .Gauge("imahost_export_failed", "1: the export has stopped until a new target is set.", segments.Failed == null ? 0 : 1);

    static void AddVouchers(MetricsText text, StatusReport status, MoreCounts more) => _ = text
        .Gauge("imahost_policy_rules", "Rules in force.", status.Policy.Rules)
        .Gauge("imahost_policy_fault", "1: the configured policy is not in force.", status.Policy.Fault == null ? 0 : 1)
        .Gauge("imahost_voucher_warnings", "Keys, lists and revocations that were left out.", more.Warnings)
        .Counter("imahost_decisions_written", "Decisions recorded by this host.", more.DecisionsWritten)
        .Counter("imahost_decisions_dropped", "Decisions that are not in the record.", more.DecisionsDropped)
        .Counter("imahost_journal_dropped", "Lines of log that the journal did not take.", more.JournalDropped);

    static void AddTimes(MetricsText text, EngineLatency latency)
    {
        const string name = "imahost_judging_seconds";
        _ = text.Histogram(name, "How long the stages of judging took, since this host started.");
        foreach (JudgingStage stage in Enum.GetValues<JudgingStage>())
        {
            LatencyHistogram times = latency.Read(stage);
            _ = text.Distribution(name, MetricsText.Label("stage", Words.Name(stage)), Times(times), times.Sum * Nanosecond);
        }
    }

    /// <summary>All that took less than a power of two took at most a nanosecond less than that.</summary>
    static List<(double Bound, double Count)> Times(LatencyHistogram times)
    {
        var buckets = new List<(double, double)>();
        for (int power = FirstPower; power <= LastPower; power += 2)
        {
            buckets.Add((((1L << power) - 1) * Nanosecond, times.CountBelow(power)));
        }

        buckets.Add((double.PositiveInfinity, times.Count));
        return buckets;
    }

    static List<(double Bound, double Count)> Holds(in HoldHistogram holds)
    {
        ReadOnlySpan<ulong> counts = holds;
        var buckets = new List<(double, double)>();
        ulong seen = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            buckets.Add((i == counts.Length - 1 ? double.PositiveInfinity : (1ul << i) * Microsecond, seen));
        }

        return buckets;
    }
}
