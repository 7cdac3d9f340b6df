using System.Globalization;

namespace ImaHost.InteropTests.Storm;

/// <summary>Attacks on the two things that keep a kept verdict true: the guard's lease, and that it lingers.</summary>
[Trait("Kind", "faults")]
public sealed class AttackedLeaseTests
{
    const int Nobody = 65534;

    /// <summary>What a lease lingers, milliseconds: the default of the guard.</summary>
    const int Linger = 200;

    [Fact]
    public void Change_through_a_mapping_at_once_after_the_host_was_killed_never_runs()
    {
        const int files = 8, rounds = 25;
        using var bench = new StormBench(files);
        bench.Start("--tpm none");
        Dictionary<string, long> counts = bench.Attack(
            "orphan", $"{bench.Daemon.GuardPid}", $"{files}", $"{rounds}");

        List<ContentRun> runs = bench.ReadRuns();
        StormReport.Add(
            "Kill, then modify",
            "A program with a kept verdict is modified through MAP_SHARED and executed as soon as the host was killed.",
            [
                ("tries, hosts killed", $"{counts["tries"]}, {bench.CountAccesses("host_starts") - 1}"),
                ("a lease held the writer at first", $"{counts["held"]}"),
                ("denied", $"{counts["denied"]}"),
                ("modified program ran", $"{counts["won"]}"),
            ]);
        Assert.Equal(0, counts["won"]);
        Assert.Equal(0, StormBench.CountForbidden(runs));
        Assert.Equal(0, bench.CountUnlisted(runs));

        // The verdict was kept in each of them, and each was judged anew.
        Assert.Equal(files * rounds, counts["tries"]);
        Assert.Equal(files * rounds, counts["held"]);
        Assert.Equal(files * rounds, counts["denied"]);
        Assert.Equal(rounds + 1, bench.CountAccesses("host_starts"));
        bench.AssertNothingLeft();
    }

    /// <summary>
    /// An exec that is starved for longer than the lease lingers can be overtaken; docs/threat-model.md says so. Within
    /// that time it never is. Without a linger it is: this attack can succeed.
    /// </summary>
    [Fact]
    public void Starved_exec_is_not_overtaken_by_a_writer_while_the_lease_lingers()
    {
        Dictionary<string, long> bare = Starve("--linger 0", tries: 10);
        for (int more = 0; bare["early"] == 0 && more < 3; more++)
        {
            bare = Starve("--linger 0", tries: 10);
        }

        Dictionary<string, long> product = Starve("", tries: 50);
        StormReport.Add(
            "Starved exec",
            string.Create(
                CultureInfo.InvariantCulture,
                $"An exec in SCHED_IDLE behind two busy processes, a writer on another processor, all of an unprivileged user; a lease lingers 0 or {Linger} ms."),
            [
                ("tries, 0 / 200 ms", $"{bare["tries"]} / {product["tries"]}"),
                ($"modified program ran within {Linger} ms of the writer's open", $"{bare["early"]} / {product["early"]}"),
                ("… after an exec that was starved for longer", $"{bare["won"] - bare["early"]} / {product["won"] - product["early"]}"),
                ("refused, a writer was there", $"{bare["busy"]} / {product["busy"]}"),
                ("longest from the writer's open to the exec's end, ms", $"{bare["longest"] / 1_000_000} / {product["longest"] / 1_000_000}"),
            ]);
        Assert.Equal(0, product["early"]);
        Assert.Equal(200, product["tries"]);
        Assert.Equal(0, product["failed"]);
        Assert.InRange(bare["early"], 1, long.MaxValue);
    }

    /// <summary>Four programs are attacked at a time.</summary>
    static Dictionary<string, long> Starve(string guardOptions, int tries)
    {
        const int files = 4, hogs = 2;
        using var bench = new StormBench(files, owner: Nobody);
        bench.Start("--tpm none", guardOptions);
        Dictionary<string, long> counts = bench.Attack(
            "starve", "idle", $"{hogs}", $"{files}", $"{tries}", $"{Linger}");
        Assert.Equal(counts["won"], StormBench.CountForbidden(bench.ReadRuns()));
        bench.AssertNothingLeft();
        return counts;
    }
}
