using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Rules about who accesses, and about the file and its filesystem.</summary>
public sealed class PolicySubjectTests
{
    const string NoRules = "measure func=BPRM_CHECK uid=7\n";
    const string WithCapability =
        "setpriv --reuid=65533 --regid=65533 --clear-groups --inh-caps=+setuid,+setgid --ambient-caps=+setuid,+setgid";

    /// <summary>
    /// The kernel lets whoever has CAP_SETUID count as each of its users (ima_match_rules): a rule about euid= then holds
    /// for the real and the saved one as well.
    /// </summary>
    [Theory]
    [InlineData("uid=65533", "", true)]
    [InlineData("uid=65532", "", false)]
    [InlineData("euid=65532", "", true)]
    [InlineData("euid=65533", "", false)]
    [InlineData("euid=65531", "", false)]
    [InlineData("uid=65531", WithCapability, false)]
    [InlineData("euid=65532", WithCapability, true)]
    [InlineData("euid=65533", WithCapability, true)]
    [InlineData("euid=65531", WithCapability, true)]
    [InlineData("gid=65533", "", true)]
    [InlineData("egid=65532", "", true)]
    [InlineData("egid=65531", "", false)]
    [InlineData("egid=65531", WithCapability, true)]
    [InlineData("uid>65532", "", true)]
    [InlineData("uid<65533", "", false)]
    public void Ids_are_those_of_the_accessor(string condition, string command, bool measured)
    {
        using var bench = new PolicyBench();
        string file = bench.AddData("file");
        bench.Put($"measure func=FILE_CHECK mask=^MAY_READ {condition}\n");
        const string read =
            "import os,sys; os.setresgid(65533,65532,65531); os.setresuid(65533,65532,65531); os.open(sys.argv[1], os.O_RDONLY)";

        Outcome done = Shell.Script($"{command} /usr/bin/python3 -c '{read}' {file}");

        Assert.True(done.Status == 0, done.Errors);
        Assert.Equal(measured, bench.IsMeasured(file));
    }

    [Theory]
    [InlineData("fowner=0", "root group")]
    [InlineData("fowner>999", "user")]
    [InlineData("fowner<1000", "root group")]
    [InlineData("fgroup=65533", "user group")]
    [InlineData("fgroup>999 fowner=0", "group")]
    public void Owner_and_group_are_those_of_the_file(string condition, string measured)
    {
        using var bench = new PolicyBench();
        bench.Put(NoRules);
        string[] names = ["root", "user", "group"];
        string[] files = [.. names.Select(bench.AddData)];
        Shell.Must("chown", "65533:65533", files[1]);
        Shell.Must("chown", "0:65533", files[2]);
        bench.Put($"measure func=FILE_CHECK mask=^MAY_READ {condition}\n");

        Shell.Must("cat", files);

        Assert.Equal(measured, string.Join(' ', names.Where((_, i) => bench.IsMeasured(files[i]))));
    }

    [Fact]
    public void Filesystem_is_known_by_name_magic_UUID_and_mount_point()
    {
        using var other = new Volume("ext4");
        using var bench = new PolicyBench($"--watch {other.Path}");
        string uuid = Shell.Must("blkid", "-s", "UUID", "-o", "value", other.Image!).TrimEnd('\n');
        string strange = uuid[0] == '0' ? $"1{uuid[1..]}" : $"0{uuid[1..]}";
        (string Condition, bool OnTmpfs, bool OnExt4)[] cases =
        [
            ("fsname=ext4", false, true), ("fsname=tmpfs", true, false), ("fsmagic=0xef53", false, true),
            ("fsmagic=0x1021994", true, false), ($"fsuuid={uuid}", false, true), ($"fsuuid={strange}", false, false),
            ($"imahost.mount={other.Path}", false, true), ($"imahost.mount={bench.Volume.Path}/", true, false),
            ($"imahost.mount={Bench.Root}/nowhere", false, false),
        ];
        foreach ((string condition, bool onTmpfs, bool onExt4) in cases)
        {
            bench.Put(NoRules);
            string here = bench.AddData($"{Guid.NewGuid()}");
            string there = other[$"{Guid.NewGuid()}"];
            Shell.Must("cp", here, there);
            bench.Put($"measure func=FILE_CHECK mask=^MAY_READ {condition}\n");
            Shell.Must("cat", here, there);
            Assert.True(
                (onTmpfs, onExt4) == (bench.IsMeasured(here), bench.IsMeasured(there)),
                $"{condition}: {bench.IsMeasured(here)} {bench.IsMeasured(there)}");
        }
    }

    [Fact]
    public void Rules_in_YAML_know_programs_paths_mounts_and_users()
    {
        using var bench = new PolicyBench();
        string cat = Shell.Must("realpath", "/bin/cat").TrimEnd('\n');
        string rules = Bench.NewFile(
            "rules.yaml",
            $$"""
            version: 1
            rules:
              - {action: dont_measure, path: "**/*.log"}
              - {action: measure, func: FILE_CHECK, mask: ^MAY_READ, path: ["{{bench.Volume.Path}}/etc/**", "**/*.conf"], pcr: 11}
              - {action: measure, func: FILE_CHECK, mask: ^MAY_READ, mount: {{bench.Volume.Path}}, exe: [{{cat}}, /nowhere/*], pcr: 12}
              - {action: measure, func: FILE_CHECK, mask: ^MAY_READ, uid: nobody, pcr: 13}

            """);
        bench.Put(NoRules);
        string[] files = [.. ((string[])["etc/deep/a", "b.conf", "etc/c.log", "one", "two", "three"]).Select(bench.AddData)];
        bench.Put($"{rules}\n");

        Shell.Must("head", files[..3]);
        Shell.Must("cat", files[3]);
        Shell.Must("head", files[4]);
        Shell.Must("setpriv", "--reuid=nobody", "--clear-groups", "head", files[5]);

        Assert.Equal(
            ["11", "11", "", "12", "", "13"],
            files.Select(path => bench.Daemon.Entries(path).SingleOrDefault("").Split(' ')[0]));
    }

    [Fact]
    public void Denial_gives_the_reason_of_its_rule()
    {
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        string rules = Bench.NewFile(
            "rules.yaml", "version: 1\nrules:\n  - {action: appraise, func: BPRM_CHECK, reason: \"ask the | release team\"}\n");
        string program = bench.Volume.AddProgram("program");
        bench.Put($"{rules}\n");

        Assert.Equal(126, Shell.Script(program).Status);

        Shell.Until(() => bench.Daemon.Log.Contains(" denied ", StringComparison.Ordinal), "the denial is logged");
        Assert.Contains($"cause=missing-hash rule=\"{rules}:3\" by=security.ima ", bench.Daemon.Log, StringComparison.Ordinal);
        Assert.Contains(": ask the | release team; nobody vouches for it", bench.Daemon.Log, StringComparison.Ordinal);

        // So does the next host, which has read the rule from its store.
        bench.Daemon.KillHost();
        string next = bench.Volume.AddProgram("next");
        Assert.Equal(126, Shell.Script(next).Status);
        Shell.Until(
            () => bench.Daemon.Log.Contains($"denied \"{next}\"", StringComparison.Ordinal), "the denial is logged");
        string line = bench.Daemon.Log.Split('\n').Single(one => one.Contains($"denied \"{next}\"", StringComparison.Ordinal));
        Assert.Contains($"rule=\"{rules}:3\" ", line, StringComparison.Ordinal);
        Assert.Contains(": ask the | release team; ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Cgroup_is_that_of_the_accessor()
    {
        string hierarchy = Bench.NewDirectory("cgroup");
        string group = Path.Combine(hierarchy, $"imahost-test-{Guid.NewGuid():N}");
        Outcome made = Shell.Script($"mount -t cgroup2 imahost-bench {hierarchy} && mkdir {group}");
        Assert.SkipUnless(made.Status == 0, $"there is no cgroup v2 hierarchy that can be written: {made.Errors}");
        try
        {
            using var bench = new PolicyBench();
            string inside = bench.AddData("inside");
            string outside = bench.AddData("outside");
            bench.Put($"measure func=FILE_CHECK mask=^MAY_READ imahost.cgroup=**/{Path.GetFileName(group)}\n");

            Outcome joined = Shell.Script($"echo $$ > {group}/cgroup.procs && exec cat {inside}");
            Assert.SkipUnless(joined.Status == 0, $"no process can be put into a cgroup: {joined.Errors}");
            Shell.Must("cat", outside);

            Assert.True(bench.IsMeasured(inside));
            Assert.False(bench.IsMeasured(outside));
        }
        finally
        {
            Shell.Run("rmdir", group);
            Shell.Run("umount", hierarchy);
        }
    }

    /// <summary>Nothing can be found out about it then; what is said about it must not matter to anybody else.</summary>
    [Fact]
    public void Accessor_that_is_killed_while_it_waits_holds_up_nobody()
    {
        using var bench = new PolicyBench("--appraise enforce");
        string file = bench.AddData("file");
        bench.Put("measure func=FILE_CHECK mask=^MAY_READ uid=65532\nappraise func=FILE_CHECK mask=^MAY_READ uid=65532\n");
        for (int round = 0; round < 5; round++)
        {
            int host = bench.Daemon.HostPid;
            Shell.Signal("STOP", host);
            using Running waiter = Shell.StartScript($"exec cat {file}");
            Thread.Sleep(60);
            Assert.False(waiter.HasExited);
            Shell.Signal("KILL", waiter.Pid);
            Assert.Equal(137, waiter.Wait(2).Status);
            Shell.Signal("CONT", host);
            Assert.Equal(0, Shell.Script($"cat {file}", seconds: 2).Status);
        }

        Assert.Equal(1ul, bench.Daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
        Assert.Equal(0ul, bench.Daemon.Status().GetProperty("accesses").GetProperty("held").GetUInt64());
    }
}
