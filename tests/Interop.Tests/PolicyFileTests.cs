using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// The published policy file takes rules as the kernel's does: checked at write(2), in force when close(2) returns, all
/// or nothing.
/// </summary>
public sealed class PolicyFileTests
{
    const string Exec = "measure func=BPRM_CHECK\n";
    const string Maps = "measure func=MMAP_CHECK\n";
    const string Reads = "measure func=FILE_CHECK mask=^MAY_READ\n";
    const string Invalid = "Invalid argument";

    [Theory]
    [InlineData("dnt_measure fowner=0\n", "policy file:1:1: \"dnt_measure\" is neither an action nor a condition")]
    [InlineData("# fine\nmeasure func=BPRM_CHECK\nmeasure fnc=BPRM_CHECK\n", "policy file:3:9: \"fnc\" is not a condition")]
    [InlineData("measure func=KEY_CHECK\n", "policy file:1:1: func=KEY_CHECK cannot be seen here: no event tells of keys")]
    public void Bad_rule_fails_its_write_and_nothing_is_loaded(string rules, string said)
    {
        using var bench = new PolicyBench();
        bench.Refuses(rules, Invalid, $"the old policy stays: {said}");
    }

    [Fact]
    public void Rules_before_a_bad_one_are_not_loaded_either()
    {
        using var bench = new PolicyBench();
        string before = bench.InForce;
        using var writer = new Actor();
        int policy = writer.OpenToWrite(bench.File);
        Assert.Equal($"{Exec.Length}", writer.Ask($"os.write({policy}, b'measure func=BPRM_CHECK\\n')"));
        Assert.Equal(Invalid, writer.Ask($"os.write({policy}, b'measure func=NO_CHECK\\n')"));
        Assert.Equal($"{Maps.Length}", writer.Ask($"os.write({policy}, b'measure func=MMAP_CHECK\\n')"));
        Assert.Equal(Invalid, writer.Ask($"os.close({policy})"));

        Assert.Equal(before, bench.InForce);
        Assert.Single(bench.Loads);
    }

    /// <summary>LTP's ima_policy, test 2, whose loaders are made to overlap.</summary>
    [Fact]
    public void Two_loaders_at_once_exactly_one_wins()
    {
        using var bench = new PolicyBench();
        string rules = Bench.NewFile("rules", Exec);
        Outcome raced = Shell.Script(
            $$"""
            load() { exec 4> {{bench.File}} || exit 9; sleep 0.3; cat {{rules}} >&4 || exit 8; exec 4>&-; }
            load & one=$!
            load & two=$!
            wait $one; echo $?
            wait $two; echo $?
            """);

        string[] statuses = raced.Output.TrimEnd('\n').Split('\n');
        Assert.Single(statuses, "0");
        Assert.Contains("busy", raced.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(Exec, bench.InForce);
        Assert.Equal(2, bench.Loads.Length);
    }

    /// <summary>LTP's ima_conditionals. No waiting: the access after close(2) is decided by the rules.</summary>
    [Theory]
    [InlineData("uid=65533", "setpriv --reuid=65533 --clear-groups cat")]
    [InlineData("gid=65533", "setpriv --regid=65533 --clear-groups cat")]
    [InlineData("fowner=65533", "cat")]
    [InlineData("fgroup=65533", "cat")]
    public void Appended_rule_decides_the_very_next_access(string condition, string read)
    {
        const int rounds = 15;
        using var bench = new PolicyBench();
        for (int i = 0; i < rounds; i++)
        {
            bench.AddData($"before{i}.");
            bench.AddData($"after{i}.");
        }

        Shell.Must("chown", "-R", "65533:65533", bench.Volume.Path);
        string script =
            $$"""
            cd {{bench.Volume.Path}}
            for i in $(seq 0 {{rounds - 1}}); do
                echo '{{Exec.TrimEnd()}}' > {{bench.File}} || exit 9
                {{read}} before$i. after$i. || exit 8
                echo 'measure {{condition}}' >> {{bench.File}} || exit 7
                {{read}} after$i. || exit 6
            done
            """;

        Outcome done = Shell.Script(script);

        Assert.True(done.Status == 0, done.Errors);
        Assert.Equal($"{Exec}measure {condition}\n", bench.InForce);
        string[] late = [.. Enumerable.Range(0, rounds).Select(i => bench.Volume[$"after{i}."]).Where(path => !bench.IsMeasured(path))];
        string[] early = [.. Enumerable.Range(0, rounds).Select(i => bench.Volume[$"before{i}."]).Where(bench.IsMeasured)];
        Assert.True(late.Length == 0, $"not measured by the rule that was in force: {string.Join(' ', late)}");
        Assert.True(early.Length == 0, $"measured by a rule that was in force no more: {string.Join(' ', early)}");
    }

    /// <summary>The guard keeps off the host what no rule asks about: it must know of the rules before close(2) returns.</summary>
    [Fact]
    public void Writer_waits_for_a_guard_that_is_slow_to_follow()
    {
        using var bench = new PolicyBench();
        Shell.Signal("STOP", bench.Daemon.GuardPid);
        using Running writer = Shell.StartScript($"echo '{Reads.TrimEnd()}' > {bench.File}");
        Thread.Sleep(300);
        bool waited = !writer.HasExited;
        Shell.Signal("CONT", bench.Daemon.GuardPid);

        Assert.Equal(0, writer.Wait().Status);
        Assert.True(waited, "the write was over before the guard knew of it");
        Assert.Equal(Reads, bench.InForce);
    }

    [Fact]
    public void Read_by_root_is_measured_and_by_a_user_not()
    {
        using var bench = new PolicyBench();
        string root = bench.AddData("root.txt");
        string user = bench.AddData("user.txt");
        bench.Put("measure func=FILE_CHECK mask=^MAY_READ uid=0\n");

        Shell.Must("cat", root);
        Assert.Equal(0, Shell.Script($"{PolicyBench.AsUser} cat {user}").Status);

        Assert.True(bench.IsMeasured(root));
        Assert.False(bench.IsMeasured(user));

        // The user's read has not settled it for root.
        Shell.Must("cat", user);
        Assert.True(bench.IsMeasured(user));
    }

    [Fact]
    public void Comments_and_empty_lines_are_skipped()
    {
        using var bench = new PolicyBench();
        bench.Put("# measure func=BPRM_CHECK\n\n   \t\n  measure\tfunc=BPRM_CHECK  \n\t# dnt_measure\nmeasure func=MMAP_CHECK\r\n");
        Assert.Equal(Exec + Maps, bench.InForce);
    }

    [Fact]
    public void Several_writes_make_one_policy()
    {
        using var bench = new PolicyBench();
        using var writer = new Actor();
        int policy = writer.OpenToWrite(bench.File);
        foreach (string part in (string[])["measure func=BPRM_CHECK\\n", "# and\\nmeasure func=MMAP_CHECK\\n", "dont_measure uid=7"])
        {
            Assert.True(char.IsAsciiDigit(writer.Ask($"os.write({policy}, b'{part}')")[0]));
        }

        Assert.Single(bench.Loads);
        writer.Close(policy);

        Assert.Equal($"{Exec}{Maps}dont_measure uid=7\n", bench.InForce);
        Assert.Equal(2, bench.Loads.Length);
    }

    [Theory]
    [InlineData("b'measure func=BP'")]
    [InlineData("b'#' * 4090 + b'\\nmeasure'")]
    public void Half_a_rule_is_refused_at_the_latest_when_its_writer_closes(string written)
    {
        using var bench = new PolicyBench();
        string before = bench.InForce;
        using var writer = new Actor();
        int policy = writer.OpenToWrite(bench.File);
        _ = writer.Ask($"os.write({policy}, {written})");
        Assert.Equal(Invalid, writer.Ask($"os.close({policy})"));

        Assert.Equal(before, bench.InForce);
        Assert.Single(bench.Loads);
    }

    [Fact]
    public void Policy_of_thousands_of_rules_is_taken_whole()
    {
        using var bench = new PolicyBench();
        string rules = string.Concat(Enumerable.Range(1000, 2000).Select(
            i => string.Create(CultureInfo.InvariantCulture, $"measure func=BPRM_CHECK uid={i}\n")));

        bench.Put(rules);

        Assert.Equal(rules, bench.InForce);
    }

    [Fact]
    public void Absolute_path_loads_a_file_of_either_language()
    {
        using var bench = new PolicyBench();
        string text = Bench.NewFile("rules", $"# ours\n{Exec}");
        string yaml = Bench.NewFile("rules.yaml", "version: 1\nrules:\n  - action: measure\n    func: MMAP_CHECK\n");

        bench.Put(text);
        Assert.Equal(Exec, bench.InForce);
        bench.Put($"{yaml}\n");
        Assert.Equal(Maps, bench.InForce);

        // Among rules, its rules stand in its place.
        bench.Put($"dont_measure uid=7\n{text}\nmeasure func=FILE_CHECK\n");
        Assert.Equal($"dont_measure uid=7\n{Exec}measure func=FILE_CHECK\n", bench.InForce);
        string[] sources = [.. bench.Daemon.Status().GetProperty("policy").GetProperty("sources").EnumerateArray().Select(one => one.GetString()!)];
        Assert.Contains(text, sources);
    }

    [Theory]
    [InlineData("policy")]
    [InlineData("ascii_runtime_measurements")]
    public void Path_on_the_published_mount_is_refused_and_hangs_nobody(string name)
    {
        using var bench = new PolicyBench();
        string before = bench.InForce;
        long begun = Environment.TickCount64;
        Outcome outcome = Shell.Script($"/bin/echo {bench.Daemon.Fs}/{name} > {bench.File}");

        Assert.Contains(Invalid, outcome.Errors, StringComparison.Ordinal);
        Assert.InRange(Environment.TickCount64 - begun, 0, 5000);
        Assert.Equal(before, bench.InForce);
        bench.Put(Exec);
        Assert.Equal(1ul, bench.Daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
    }

    [Fact]
    public void Path_to_what_is_no_file_of_rules_is_refused()
    {
        using var bench = new PolicyBench();
        string fifo = Path.Combine(Bench.NewDirectory("fifo"), "rules");
        Shell.Must("mkfifo", fifo);
        string broken = Bench.NewFile("rules.yaml", "version: 1\nrules:\n  - acton: measure\n");

        bench.Refuses("/nowhere/at/all\n", Invalid, "the old policy stays: /nowhere/at/all: ");
        bench.Refuses($"{Bench.Root}\n", Invalid, $"the old policy stays: {Bench.Root}: ");
        bench.Refuses("/dev/null\n", Invalid, "the old policy stays: /dev/null: ");
        bench.Refuses($"{broken}\n", Invalid, $"the old policy stays: {broken}:3:5: unknown key \"acton\"");
        long begun = Environment.TickCount64;
        bench.Refuses($"{fifo}\n", Invalid, $"the old policy stays: {fifo}: ");
        Assert.InRange(Environment.TickCount64 - begun, 0, 5000);
        Assert.Equal(1ul, bench.Daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
    }

    [Fact]
    public void Path_to_a_file_on_the_watched_volume_is_no_deadlock()
    {
        using var bench = new PolicyBench();
        bench.Put(Reads);
        string rules = bench.Volume["rules"];
        Shell.Must("/bin/sh", "-c", $"echo '{Exec.TrimEnd()}' > {rules}");

        bench.Put($"{rules}\n");

        Assert.Equal(Exec, bench.InForce);
    }

    [Fact]
    public void One_redirection_of_several_commands_is_one_policy()
    {
        using var bench = new PolicyBench();
        string one = Bench.NewFile("one", Exec);
        string two = Bench.NewFile("two", Maps);
        const int rounds = 10;
        for (int i = 0; i < rounds; i++)
        {
            Assert.Equal(0, Shell.Script($"(cat {one}; cat {two}) > {bench.File}").Status);
            Assert.Equal(0, Shell.Script($"{{ cat {one}; /bin/echo '# more'; cat {two}; }} > {bench.File}").Status);
        }

        Assert.Equal(Enumerable.Repeat(Exec + Maps, 2 * rounds), bench.Loads.Skip(1));
    }

    /// <summary>LTP's tests find it below /sys/kernel/security.</summary>
    [Fact]
    public void One_redirection_is_one_policy_also_where_the_directory_is_mounted_a_second_time()
    {
        using var bench = new PolicyBench();
        string one = Bench.NewFile("one", Exec);
        string two = Bench.NewFile("two", Maps);
        string again = Bench.NewDirectory("again");
        Shell.Must("mount", "--bind", bench.Daemon.Fs, again);
        Outcome written = Shell.Script($"(cat {one}; sleep 0.1; cat {two}) > {again}/policy");
        Shell.Must("umount", again);

        Assert.True(written.Status == 0, written.Errors);
        Shell.Until(() => bench.InForce == Exec + Maps, "the rules are in force");
        Assert.Equal([Exec + Maps], bench.Loads.Skip(1));
    }

    [Fact]
    public void Appending_replaces_the_built_in_and_extends_what_was_put_there()
    {
        using var bench = new PolicyBench();
        bench.Append(Exec);
        Assert.Equal(Exec, bench.InForce);
        bench.Append(Maps);
        Assert.Equal(Exec + Maps, bench.InForce);
        bench.Append(Reads);
        Assert.Equal(Exec + Maps + Reads, bench.InForce);
        bench.Put(Reads);
        Assert.Equal(Reads, bench.InForce);
        bench.Append(Exec);

        Assert.Equal(Reads + Exec, bench.InForce);
        Assert.Equal([Exec, Exec + Maps, Exec + Maps + Reads, Reads, Reads + Exec], bench.Loads.Skip(1));
    }

    [Fact]
    public void Appending_in_several_writes_loses_none_while_others_look_at_the_file()
    {
        using var bench = new PolicyBench();
        bench.Put(Exec);
        using var writer = new Actor();
        int policy = writer.Open(bench.File, "os.O_WRONLY | os.O_APPEND");
        Assert.Equal($"{Maps.Length}", writer.Ask($"os.write({policy}, b'measure func=MMAP_CHECK\\n')"));
        Shell.Must("stat", bench.File);
        Assert.Equal(Exec, bench.InForce);
        Assert.Equal("18", writer.Ask($"os.write({policy}, b'dont_measure uid=7')"));
        writer.Close(policy);

        Assert.Equal($"{Exec}{Maps}dont_measure uid=7\n", bench.InForce);
    }

    [Fact]
    public void Appending_while_another_policy_is_loaded_extends_that_one()
    {
        using var bench = new PolicyBench();
        bench.Put(Exec);
        string other = Bench.NewFile("rules", Reads + Exec);
        using var writer = new Actor();
        int policy = writer.Open(bench.File, "os.O_WRONLY | os.O_APPEND");

        Shell.Must(Bench.Program, "policy", "load", other, "--state", bench.Daemon.State);
        Shell.Must("stat", bench.File);
        Assert.Equal($"{Maps.Length}", writer.Ask($"os.write({policy}, b'measure func=MMAP_CHECK\\n')"));
        writer.Close(policy);

        Assert.Equal(Reads + Exec + Maps, bench.InForce);
    }

    [Fact]
    public void Opening_to_read_and_write_is_refused_and_reading_needs_no_turn()
    {
        using var bench = new PolicyBench();
        using var actor = new Actor();
        using var user = new Actor(PolicyBench.User);
        Assert.Equal("Permission denied", actor.Ask($"os.open('{bench.File}', os.O_RDWR)"));
        int reader = actor.OpenToRead(bench.File);
        int writer = actor.OpenToWrite(bench.File);

        Assert.StartsWith("b'measure func=BPRM_CHECK", actor.Ask($"os.read({reader}, 100)"), StringComparison.Ordinal);
        actor.Close(reader);
        actor.Close(writer);
        Assert.Equal("Permission denied", user.Ask($"os.open('{bench.File}', os.O_WRONLY)"));
    }

    [Fact]
    public void Every_load_is_an_entry_with_its_rules_also_when_they_are_the_same()
    {
        using var bench = new PolicyBench();
        bench.Put(Exec);
        bench.Put(Exec);
        bench.Put(Maps);

        Assert.Equal([Exec, Exec, Maps], bench.Loads.Skip(1));
    }

    [Fact]
    public void Opening_and_closing_without_a_rule_loads_nothing()
    {
        using var bench = new PolicyBench();
        bench.Put(Exec);
        Assert.Equal(0, Shell.Script($": > {bench.File}; : >> {bench.File}; /bin/echo '# nothing' > {bench.File}").Status);

        Assert.Equal(Exec, bench.InForce);
        Assert.Equal(2, bench.Loads.Length);
    }

    [Fact]
    public void Loaded_file_is_measured_when_the_policy_asks()
    {
        using var bench = new PolicyBench();
        bench.Put("measure func=POLICY_CHECK\n");
        string rules = Bench.NewFile("rules", Exec);
        bench.Put(rules);

        string digest = Shell.Must("sha256sum", rules)[..64];
        Assert.EndsWith($" ima-sig sha256:{digest} {rules} ", Assert.Single(bench.Daemon.Entries(rules)), StringComparison.Ordinal);

        // It stands before the policy that is made of it.
        string[] names = [.. File.ReadLines(bench.Daemon.AsciiList).Select(line => line.Split(' ')[4])];
        Assert.Equal(["imahost-policy", rules, "imahost-policy"], names[^3..]);
    }

    [Theory]
    [InlineData("log")]
    [InlineData("enforce")]
    public void Rules_cannot_be_written_where_policies_are_appraised_but_a_file_that_is_vouched_for_loads(string mode)
    {
        using var bench = new PolicyBench($"--appraise {mode}");
        bench.Put("appraise func=POLICY_CHECK\n");
        bench.Refuses(Exec, "Permission denied", "a signed policy file is required: write its absolute path");
        string rules = Bench.NewFile("rules", Exec);
        if (mode == "enforce")
        {
            bench.Refuses(rules, Invalid, $"the old policy stays: {rules}: policy file:1 appraises policies: missing-hash");
            Shell.Must(Bench.Program, "label", rules);
        }

        bench.Put(rules);

        Assert.Equal(Exec, bench.InForce);
    }

    [Fact]
    public void Host_that_is_killed_between_writes_is_not_noticed()
    {
        using var bench = new PolicyBench();
        using var writer = new Actor();
        int policy = writer.OpenToWrite(bench.File);
        foreach (string rule in (string[])["measure func=BPRM_CHECK", "measure func=MMAP_CHECK", "dont_measure uid=7"])
        {
            Assert.Equal($"{rule.Length + 1}", writer.Ask($"os.write({policy}, b'{rule}\\n')"));
            bench.Daemon.KillHost();
        }

        writer.Close(policy);

        Assert.Equal($"{Exec}{Maps}dont_measure uid=7\n", bench.InForce);
        Assert.Equal(2, bench.Loads.Length);
    }

    /// <summary>The write waits for the guard, which is stopped: so the host dies after it has loaded the rules.</summary>
    [Theory]
    [InlineData(">", Maps)]
    [InlineData(">>", Exec + Maps)]
    public void Host_that_is_killed_before_it_can_say_that_it_loaded_leaves_nothing_to_load_twice(string how, string rules)
    {
        using var bench = new PolicyBench();
        bench.Put(Exec);
        int host = bench.Daemon.HostPid;
        Shell.Signal("STOP", bench.Daemon.GuardPid);
        using Running writer = Shell.StartScript($"echo '{Maps.TrimEnd()}' {how} {bench.File}");
        Shell.Until(() => bench.Loads.Length == 3, "the rules are loaded");
        Shell.Signal("KILL", host);
        Shell.Signal("CONT", bench.Daemon.GuardPid);

        Assert.Equal(0, writer.Wait().Status);
        Assert.Equal(rules, bench.InForce);
        Assert.Equal([Exec, rules], bench.Loads.Skip(1));
    }
}
