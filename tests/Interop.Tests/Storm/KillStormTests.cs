using System.Globalization;
using System.Runtime.InteropServices;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests.Storm;

/// <summary>Killing the host opens no gate, doubles no entry and loses nobody who waits.</summary>
[Trait("Kind", "faults")]
public sealed class KillStormTests
{
    const int Kills = 100;
    const int Labelled = 1500;
    const int Foreign = 700;
    const int MostSeconds = 10;

    /// <summary>Of so many hosts one is killed while it starts.</summary>
    const int AtOnce = 4;

    [Fact]
    public void Storm_of_execs_runs_and_records_what_it_may_while_hosts_are_killed()
    {
        using var tpm = new Emulator();
        using var bench = new StormBench(Labelled, Foreign);
        bench.Start($"--tpm {tpm.Transport}");
        string waits = Bench.NewFile("waits", "");
        using Running storm = Shell.Start(
            bench.Build("storm"), bench.Root, $"{Labelled}", $"{Foreign}", bench.Trace, bench.StoredList, waits);

        long begun = Environment.TickCount64;
        KillHosts(bench.Daemon);
        double seconds = (Environment.TickCount64 - begun) / 1000.0;
        storm.Feed("");
        Dictionary<string, long> counts = StormBench.Counts(storm.Wait(MostSeconds + 5));

        List<ContentRun> runs = bench.ReadRuns();
        uint[] waited = ReadWaits(waits);
        long starts = bench.CountAccesses("host_starts"), resent = bench.CountAccesses("resent");
        int duringStart = bench.Daemon.Log.Split("before it was ready").Length - 1;
        int forbidden = StormBench.CountForbidden(runs), unlisted = bench.CountUnlisted(runs);
        string[] doubled = FindDoubled(bench.Daemon);
        StormReport.Add(
            "Storm",
            string.Create(
                CultureInfo.InvariantCulture,
                $"4 processes execute, replace and modify programs for {seconds:f0} s while the host is killed; swtpm."),
            [
                ("hosts killed, of them before they were ready", $"{starts - 1}, {duringStart}"),
                ("accesses that they held and the next host judged", $"{resent}"),
                ("execs: ran, denied, busy", $"{counts["execs"]}: {counts["ran"]}, {counts["denied"]}, {counts["busy"]}"),
                ("replaced by rename, modified in place", $"{counts["replaced"]}, {counts["changed"]}"),
                ("contents that ran", $"{runs.Select(run => run.Id).Distinct().Count()}"),
                ("untrusted contents run", $"{forbidden}"),
                ("runs without a record before them", $"{unlisted}"),
                ("trusted programs refused", $"{counts["refused"]}"),
                ("entries doubled", $"{doubled.Length}"),
                ("exec waited, ms: p50, p99, max", $"{At(waited, 0.5)}, {At(waited, 0.99)}, {At(waited, 1)}"),
            ]);

        Assert.Equal(0, forbidden);
        Assert.Equal(0, unlisted);
        Assert.Empty(doubled);
        Assert.Equal(0, counts["refused"]);
        Assert.Equal(0, counts["failed"]);
        Assert.Equal(counts["ran"], runs.Count);
        Assert.Equal(counts["execs"], waited.Length);
        Assert.True(waited[^1] < MostSeconds * 1_000_000, $"an exec waited {waited[^1]} us");
        Assert.Equal(0, bench.CountAccesses("deadlines"));

        Outcome evmctl = tpm.Verify(bench.Daemon.BinaryList, options: "--ignore-violations");
        Assert.True(evmctl.Status == 0, evmctl.Errors);
        Outcome verified = Verifiers.ImaHost(bench.Daemon.BinaryList, tpm.ReadPcrs(), "--ignore-violations");
        Assert.True(verified.Status == 0, verified.Output);

        // Enough of each, or this has shown nothing.
        Assert.Equal(Kills + 1, starts);
        Assert.InRange(duringStart, 1, Kills);
        Assert.InRange(resent, 1, long.MaxValue);
        Assert.All((string[])["ran", "denied", "changed", "replaced"], what => Assert.InRange(counts[what], 100, long.MaxValue));
        bench.AssertNothingLeft();
    }

    /// <summary>
    /// Most hosts are killed some time after they took over. Of the others never two follow each other: hosts that do
    /// not come up are another matter.
    /// </summary>
    static void KillHosts(Daemon daemon)
    {
        var random = new Random();
        int last = daemon.HostPid;
        for (int i = 0; i < Kills; i++)
        {
            Thread.Sleep(i % AtOnce == 1 ? random.Next(0, 30) : random.Next(20, 250));
            Shell.Run("kill", "-KILL", $"{last}");
            last = AwaitNext(daemon, last, isReady: (i + 1) % AtOnce != 1);
        }
    }

    /// <summary>A host that was killed may still be seen until it is reaped.</summary>
    static int AwaitNext(Daemon daemon, int last, bool isReady)
    {
        int host = 0;
        Shell.Until(() => (host = daemon.HostPid) != 0 && host != last, "the next host");
        Shell.Until(
            () => !isReady || daemon.Log.Contains($"host {host} took over", StringComparison.Ordinal), "it takes over");
        return host;
    }

    /// <returns>Microseconds, the shortest first.</returns>
    static uint[] ReadWaits(string path)
    {
        uint[] waited = MemoryMarshal.Cast<byte, uint>(File.ReadAllBytes(path)).ToArray();
        Array.Sort(waited);
        return waited;
    }

    /// <returns>Milliseconds.</returns>
    static string At(uint[] waited, double share) =>
        (waited[(int)((waited.Length - 1) * share)] / 1000.0).ToString("f1", CultureInfo.InvariantCulture);

    /// <summary>The entries that stand in the list more than once: of one digest and one path. Violations may.</summary>
    static string[] FindDoubled(Daemon daemon) =>
        [.. File.ReadLines(daemon.AsciiList).Select(line => line.Split(' ', 5))
            .Where(words => words[1].Any(digit => digit != '0')).GroupBy(words => $"{words[3]} {words[4]}")
            .Where(group => group.Count() > 1).Select(group => group.Key)];
}
