using System.CommandLine;
using System.Text.Json;
using ImaHost.Daemon;
using Spectre.Console;
using static System.FormattableString;

namespace ImaHost.Cli;

/// <summary><c>imahost status</c>: what the running host does, sees and does not see.</summary>
static class StatusCommand
{
    static readonly Option<string> State = CreateStateOption();

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<bool> WouldDeny = new("--would-deny")
    {
        Description = "what enforce would deny, from the record of decisions; also of a stopped host",
    };

    /// <summary>--state of the commands that ask a running host.</summary>
    public static Option<string> CreateStateOption() => new("--state")
    {
        Description = "the state directory of the host that is asked",
        DefaultValueFactory = _ => new DaemonOptions().State,
    };

    public static Command Create()
    {
        var command = new Command("status", "Show what the running host does.") { State, Json, WouldDeny };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(WouldDeny))
        {
            return WouldDenyText.Show(parsed.GetValue(State)!, parsed.GetValue(Json));
        }

        string answer = ControlSocket.MustAsk(parsed.GetValue(State)!, "status");
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(answer);
            return ExitStatus.Yes;
        }

        Show(JsonSerializer.Deserialize(answer, StatusJson.Default.StatusReport)!);
        return ExitStatus.Yes;
    }

    static void Show(StatusReport status)
    {
        foreach ((string name, string value) in Rows(status))
        {
            Console.WriteLine($"{name,-11}{value}");
        }

        foreach (string fault in status.Faults)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]fault      {fault}[/]");
        }
    }

    static IEnumerable<(string Name, string Value)> Rows(StatusReport status) =>
        [.. RulesOf(status), .. ListOf(status), .. AccessesOf(status), .. CoverageOf(status)];

    static IEnumerable<(string Name, string Value)> RulesOf(StatusReport status)
    {
        VoucherStatus vouchers = status.Vouchers;
        yield return ("host", Invariant($"imahost {status.Version}, pid {status.HostPid}, start {status.Accesses.HostStarts}"));
        yield return ("watching", string.Join(", ", status.Watch));
        yield return ("appraise", status.Appraise);
        yield return ("policy", Invariant($"{status.Policy.Rules} rules of {string.Join(", ", status.Policy.Sources)}"));
        yield return ("vouchers", Invariant(
            $"{vouchers.Keys} keys, {vouchers.Digests} digests in {vouchers.Lists} lists, {vouchers.Revoked} revoked, {vouchers.Expired} expired"));
        foreach (string warning in vouchers.Warnings)
        {
            yield return ("left out", warning);
        }
    }

    static IEnumerable<(string Name, string Value)> ListOf(StatusReport status)
    {
        yield return ("list", Invariant($"{status.List.Entries} entries, {status.List.Violations} violations, at {status.Fs}"));
        foreach ((string Name, string Value) row in SegmentsOf(status.Segments))
        {
            yield return row;
        }

        yield return ("TPM", status.Tpm.Banks.Count == 0
            ? "none: nothing vouches for the list"
            : Invariant(
                $"{status.Tpm.Name}, PCR {status.Tpm.Pcr}, {string.Join(" ", status.Tpm.Banks)}, {status.Tpm.Extended} extended"));
    }

    static IEnumerable<(string Name, string Value)> SegmentsOf(SegmentStatus segments)
    {
        yield return ("segments", Invariant(
            $"{segments.Sealed} of {segments.Count} sealed{(segments.FirstEntry > 0 ? Invariant($", published from entry {segments.FirstEntry} on") : "")}"));
        yield return ("kept", Invariant(
            $"{segments.KeptBytes} bytes, {segments.Erased} segments erased, last sealed {(segments.LastSeal is { } time ? Invariant($"{time:yyyy-MM-dd HH:mm:ss} UTC") : "never")}"));
        if (segments.Target != null)
        {
            yield return ("exported", Invariant($"{segments.Exported} segments to {segments.Target}{(segments.Failed == null ? "" : ", stopped")}"));
        }
    }

    static IEnumerable<(string Name, string Value)> AccessesOf(StatusReport status)
    {
        AccessStatus accesses = status.Accesses;
        yield return ("accesses", Invariant(
            $"{accesses.Events} events: {accesses.Allowed} allowed, {accesses.Denied} denied, {accesses.Unjudged} that no rule asks about ({accesses.Marked} marked), {accesses.Held} held now"));
        yield return ("measured", Invariant(
            $"{accesses.Measured} new, {accesses.Repeated} repeated, {accesses.HashedBytes >> 20} MiB hashed, {accesses.Cached} verdicts held in the kernel (this host)"));
        yield return ("troubles", Invariant(
            $"{accesses.WouldDeny} would be denied, {accesses.Failed} could not be judged, {accesses.Deadlines} deadlines passed, {accesses.Resent} jobs sent again"));
        yield return ("held for", Invariant(
            $"p50 < {status.Holds.P50} µs, p90 < {status.Holds.P90} µs, p99 < {status.Holds.P99} µs, most < {status.Holds.Max} µs"));
        foreach ((string stage, StageStatus times) in Stages(status.Latency))
        {
            yield return (stage, Invariant(
                $"p50 {times.P50} µs, p90 {times.P90} µs, p99 {times.P99} µs, most {times.Max} µs ({times.Count} times)"));
        }

        if (status.Decisions.Dropped > 0)
        {
            yield return ("decisions", Invariant($"{status.Decisions.Dropped} are not in the record: its disk is full or too slow"));
        }
    }

    static IEnumerable<(string Name, string Value)> CoverageOf(StatusReport status)
    {
        yield return ("level", status.Level);
        foreach (string line in BpfOf(status.Bpf))
        {
            yield return ("BPF", line);
        }

        CoverageStatus coverage = status.Coverage;
        string ran = Invariant(
            $"{coverage.RunningFiles} files of {coverage.RunningProcesses} processes ran before, {coverage.RunningDenied} of the files would have been denied");
        string state = coverage.Complete ? "" : "; they are still being measured";
        yield return ("covered", Invariant($"since {coverage.Since:yyyy-MM-dd HH:mm:ss} UTC: {ran}{state}"));
        foreach (string hole in status.Holes)
        {
            yield return ("not seen", hole);
        }

        if (status.Accesses.Unleasable > 0)
        {
            yield return ("not cached", Invariant($"{status.Accesses.Unleasable} accesses without a lease, or whose attributes could not be watched"));
        }
    }

    static IEnumerable<string> BpfOf(BpfStatus bpf)
    {
        if (bpf.Cause != null)
        {
            yield return $"not at work: {bpf.Cause}";
            yield break;
        }

        yield return Invariant($"{bpf.Denied} refused, {bpf.Reported} let through and told, {bpf.Lost} not told for want of room");
        foreach (CodeRefusal refusal in bpf.Refusals)
        {
            yield return refusal.Text;
        }
    }

    static IEnumerable<(string Name, StageStatus Times)> Stages(LatencyStatus latency) =>
    [
        ("judged in", latency.Total), (" policy", latency.Policy), (" hash", latency.Hash), (" store", latency.Store),
        (" appraise", latency.Appraise),
    ];
}
