using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// A file whose verdict the kernel holds is changed in every way there is: what it holds then is measured before it is
/// used again.
/// </summary>
public sealed class StaleContentTests(KeptBench bench) : IClassFixture<KeptBench>
{
    const int CannotExecute = 126;

    static readonly (string Kind, string[] Ways)[] OnDisk =
    [
        ("ext4",
        [
            "write", "truncate and write", "ftruncate and write", "O_TRUNC", "cp", "rename", "exchange",
            "unlink and recreate", "hard link", "O_DIRECT", "copy_file_range", "sendfile", "splice", "AIO", "mapping",
            "mapping that ends with its process", "append", "truncate", "ftruncate", "ftruncate to more",
            "byte with size and times restored", "byte through a mapping with size and times restored", "punched hole",
            "zeroed range", "collapsed range", "inserted range",
        ]),
        ("xfs", ["reflink", "swapext", "O_DIRECT", "copy_file_range", "mapping", "collapsed range"]),
    ];

    static readonly (string Kind, string[] Ways) InMemory =
        ("tmpfs", ["write", "rename", "splice", "mapping", "byte through a mapping with size and times restored", "punched hole"]);

    /// <summary>All of them on one filesystem, and on others what may differ there. On a tmpfs data are not measured.</summary>
    public static TheoryData<string, string> FileChanges => List(OnDisk);

    public static TheoryData<string, string> ProgramChanges => List([.. OnDisk, InMemory]);

    [Theory]
    [MemberData(nameof(ProgramChanges))]
    public void Program_is_measured_anew_when_it_was_changed_by(string kind, string way)
    {
        KeptFile program = bench.NewProgram(kind).Keep();
        string before = program.Digest;

        FileChange.Make(way, program.Path, bench.AddProgram(kind));

        program.ExpectMeasuredAnew(before);
    }

    [Theory]
    [MemberData(nameof(FileChanges))]
    public void File_that_root_reads_is_measured_anew_when_it_was_changed_by(string kind, string way)
    {
        KeptFile file = bench.NewData(kind).Keep();
        string before = file.Digest;

        FileChange.Make(way, file.Path, bench.AddData(kind));

        file.ExpectMeasuredAnew(before);
    }

    [Fact]
    public void Program_that_somebody_has_mapped_to_write_does_not_run_before_the_mapping_is_gone()
    {
        KeptFile program = bench.NewProgram("ext4");
        using var writer = new Actor();
        writer.Map(writer.Open(program.Path, "os.O_RDWR"), "mmap.MAP_SHARED");
        for (int round = 0; round < 2; round++)
        {
            Outcome ran = Shell.Script(program.Command);
            Assert.Equal(CannotExecute, ran.Status);
            Assert.Contains("busy", ran.Errors, StringComparison.OrdinalIgnoreCase);
            Store(writer, "-1", "! "[round]);
        }

        string[] seen = program.Digests;
        Unmap(writer);

        program.Use();
        Assert.Equal([.. seen, program.Digest], program.Digests);
        program.Keep();
    }

    [Theory]
    [InlineData("library")]
    [InlineData("data")]
    public void File_that_somebody_has_mapped_to_write_is_measured_at_each_use(string what)
    {
        KeptFile file = what == "library" ? bench.NewLibrary("ext4") : bench.NewData("ext4");
        using var writer = new Actor();
        writer.Map(writer.Open(file.Path, "os.O_RDWR"), "mmap.MAP_SHARED");
        var seen = new List<string>();
        foreach (char letter in "abc")
        {
            file.ExpectMeasuredAnew([.. seen]);
            seen.Add(file.Digest);
            Store(writer, "-1", letter);
        }

        Unmap(writer);

        file.ExpectMeasuredAnew([.. seen]);
        file.Keep();
    }

    /// <summary>What runs it gets what is stored: the list must say so before, and tell what the next one gets.</summary>
    [Theory]
    [InlineData("ext4")]
    [InlineData("tmpfs")]
    public void Library_that_is_stored_to_while_it_runs_is_a_violation_and_measured_anew(string kind)
    {
        KeptFile library = bench.NewLibrary(kind).Keep();
        string before = library.Digest;
        using var runner = new Actor();
        using var writer = new Actor();
        string word = $"__import__('ctypes').string_at(__import__('ctypes').addressof("
            + $"__import__('ctypes').c_char.in_dll(__import__('ctypes').CDLL('{library.Path}'), 'word')))";
        Assert.Equal("b'before'", runner.Ask(word));
        Assert.Contains("r-xp", runner.Ask($"[l for l in open('/proc/self/maps') if '{library.Path}' in l and 'r-xp' in l]"), StringComparison.Ordinal);

        writer.Map(writer.Open(library.Path, "os.O_RDWR"), "mmap.MAP_SHARED");
        Assert.Equal(1, library.Daemon.CountViolations(library.Path));
        Store(writer, "maps[-1].find(b'before\\0')", 'B');
        Assert.Equal("b'Before'", runner.Ask(word));

        library.ExpectMeasuredAnew(before);
        Unmap(writer);
        library.Keep();
        Shell.Until(() => library.Daemon.ReadCauses(library.Path).Length > 0, "the violation is in the log");
        Assert.Equal(ViolationBench.ToMToU, library.Daemon.ReadCauses(library.Path)[0]);
    }

    /// <summary>A program that was measured into another PCR, one that was not measured, and a file that nobody asked about.</summary>
    [Theory]
    [InlineData("SIGHUP")]
    [InlineData("policy load")]
    public void What_other_rules_ask_more_about_is_measured_when_it_is_used_next_after_a(string how)
    {
        const string more = "measure func=BPRM_CHECK pcr=12\nmeasure func=FILE_CHECK mask=^MAY_READ fgroup=65533\n";
        string rules = Bench.NewFile("rules", "measure func=BPRM_CHECK fowner=65533\n");
        using var change = new PolicyBench($"--policy {rules}", "ext4");
        string kept = change.Volume.AddProgram("kept");
        Shell.Must("chown", "65533", kept);
        string unasked = change.Volume.AddProgram("unasked");
        string data = change.AddData("data");
        Shell.Must("chgrp", "65533", data);
        string use = $"{kept} && {unasked} && cat {data}";
        Assert.Equal(0, Shell.Script($"{use} && {use}").Status);
        Assert.StartsWith("10 ", Assert.Single(change.Daemon.Entries($"{kept} ")), StringComparison.Ordinal);
        Assert.Empty(change.Daemon.Entries($"{unasked} "));
        Assert.Empty(change.Daemon.Entries($"{data} "));

        File.WriteAllText(rules, more);
        if (how == "SIGHUP")
        {
            Shell.Signal("HUP", change.Daemon.GuardPid);
            Shell.Until(() => change.Daemon.Log.Contains("policy of 2 rules in force", StringComparison.Ordinal), "they are followed");
        }
        else
        {
            Shell.Must(Bench.Program, "policy", "load", "--state", change.Daemon.State);
        }

        Assert.Equal(0, Shell.Script(use).Status);
        Assert.StartsWith("12 ", change.Daemon.Entries($"{kept} ")[^1], StringComparison.Ordinal);
        Assert.StartsWith("12 ", Assert.Single(change.Daemon.Entries($"{unasked} ")), StringComparison.Ordinal);
        Assert.Single(change.Daemon.Entries($"{data} "));
    }

    /// <summary>Through the last mapping that was made.</summary>
    static void Store(Actor writer, string at, char letter) =>
        Assert.Equal("None", writer.Ask($"maps[-1].__setitem__({at}, {(int)letter})"));

    static void Unmap(Actor writer) => Assert.Equal("None", writer.Ask("maps.pop().close()"));

    static TheoryData<string, string> List((string Kind, string[] Ways)[] places)
    {
        var list = new TheoryData<string, string>();
        foreach ((string kind, string[] ways) in places)
        {
            foreach (string way in ways)
            {
                list.Add(kind, way);
            }
        }

        return list;
    }
}
