using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>A verdict is one of the old policy or of the new one, and kept no longer than that policy is in force.</summary>
public sealed class PolicyChangeTests
{
    const string Exec = "measure func=BPRM_CHECK\n";
    const int CannotExecute = 126;

    [Fact]
    public void Kept_verdict_is_judged_anew_when_the_rules_ask_more()
    {
        using var bench = new PolicyBench(kind: "ext4");
        string program = bench.Volume.AddProgram("program");
        bench.Put(Exec);
        Assert.Equal(0, Shell.Script($"{program}; {program}").Status);
        Assert.StartsWith("10 ", Assert.Single(bench.Daemon.Entries(program)), StringComparison.Ordinal);
        Assert.Equal(1ul, Count(bench, "cached"));

        bench.Put("measure func=BPRM_CHECK pcr=12 template=ima-ng\n");
        Assert.Equal(0, Shell.Script(program).Status);

        string[] entries = bench.Daemon.Entries(program);
        Assert.Equal(2, entries.Length);
        Assert.StartsWith("12 ", entries[1], StringComparison.Ordinal);
        Assert.Contains(" ima-ng ", entries[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Kept_verdict_stays_when_the_same_rules_are_loaded_again()
    {
        using var bench = new PolicyBench(kind: "ext4");
        string program = bench.Volume.AddProgram("program");
        bench.Put(Exec);
        Assert.Equal(0, Shell.Script(program).Status);
        ulong events = Count(bench, "events");

        bench.Put($"# the same\n{Exec}");
        Assert.Equal(0, Shell.Script(program).Status);

        Assert.Equal(1ul, Count(bench, "cached"));
        Assert.Equal(events, Count(bench, "events"));
    }

    [Fact]
    public void Verdict_of_a_user_who_was_asked_less_is_not_kept_for_others()
    {
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        string program = bench.Volume.AddProgram("program");
        bench.Put("dont_appraise uid=65533\nappraise func=BPRM_CHECK\n");
        Assert.Equal(0, Shell.Script($"{PolicyBench.AsUser} {program}").Status);

        Assert.Equal(CannotExecute, Shell.Script(program).Status);
        Assert.Equal(0, Shell.Script($"{PolicyBench.AsUser} {program}").Status);
    }

    /// <summary>
    /// One policy allows and measures into PCR 11, the other denies and measures into PCR 12 with another template: an
    /// access that was decided by a bit of each would show.
    /// </summary>
    [Fact]
    public void Each_exec_is_decided_by_one_policy_as_a_whole_while_they_change()
    {
        const int programs = 120;
        const string allows = "measure func=BPRM_CHECK pcr=11 template=ima-ng\n";
        const string denies = "measure func=BPRM_CHECK pcr=12 template=ima-sig\nappraise func=BPRM_CHECK\n";
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        bench.Put(allows);
        string one = Bench.NewFile("allows", allows);
        string other = Bench.NewFile("denies", denies);
        string made = Shell.Script(
            $"cd {bench.Volume.Path} && for i in $(seq {programs}); do (cat /bin/true; echo $i $$) > p$i.; chmod 755 p$i.; done; sync", 60).Errors;
        Assert.Equal("", made);
        using Running flips = Shell.StartScript(
            $"while :; do cat {one} > {bench.File}; sleep 0.01; cat {other} > {bench.File}; sleep 0.01; done");
        string run = string.Create(
            CultureInfo.InvariantCulture,
            $"cd {bench.Volume.Path}; for i in $(seq {programs}); do for n in 1 2 3; do ./p$i. 2>/dev/null && echo p$i. 0 || echo p$i. $?; done; done");
        using Running first = Shell.StartScript(run);
        using Running second = Shell.StartScript(run.Replace("$(seq ", "$(seq -s ' ' ", StringComparison.Ordinal));
        string[] outcomes = $"{first.Wait(60).Output}{second.Wait(60).Output}".TrimEnd('\n').Split('\n');
        Shell.Signal("KILL", flips.Pid);
        flips.Wait();

        int allowed = 0;
        foreach (IGrouping<string, string> of in outcomes.GroupBy(line => line.Split(' ')[0], line => line.Split(' ')[1]))
        {
            string[] entries = bench.Daemon.Entries(bench.Volume[of.Key]);
            Assert.All(of, status => Assert.True(status is "0" or "126", $"{of.Key}: {status}"));
            Assert.Equal(of.Contains("0"), entries.Any(IsOfAllowing));
            Assert.Equal(of.Contains("126"), entries.Any(IsOfDenying));
            Assert.All(entries, entry => Assert.True(IsOfAllowing(entry) || IsOfDenying(entry), entry));
            allowed += of.Count(status => status == "0");
        }

        // Both had their share, or this has shown nothing.
        Assert.InRange(allowed, outcomes.Length / 20, outcomes.Length * 19 / 20);

        // And nothing is left of a policy that is in force no more.
        bench.Put(denies);
        Outcome last = Shell.Script($"cd {bench.Volume.Path}; for p in p*; do ./$p 2>/dev/null && echo $p ran; done; :");
        Assert.Equal("", last.Output);
    }

    static bool IsOfAllowing(string entry) =>
        entry.StartsWith("11 ", StringComparison.Ordinal) && entry.Contains(" ima-ng ", StringComparison.Ordinal);

    static bool IsOfDenying(string entry) =>
        entry.StartsWith("12 ", StringComparison.Ordinal) && entry.Contains(" ima-sig ", StringComparison.Ordinal);

    static ulong Count(PolicyBench bench, string what) =>
        bench.Daemon.Status().GetProperty("accesses").GetProperty(what).GetUInt64();
}
