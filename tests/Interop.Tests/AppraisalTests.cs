using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>security.ima hashes decide, as --appraise says.</summary>
public sealed class AppraisalTests
{
    const int CannotExecute = 126;

    [Theory]
    [InlineData("enforce", CannotExecute)]
    [InlineData("log", 0)]
    [InlineData("off", 0)]
    public void Tampered_program_is_listed_and(string mode, int status)
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", program);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --appraise {mode}");
        Assert.Equal(0, Shell.Script(program).Status);
        Volume.Change(program);

        Outcome ran = Shell.Script(program);

        Assert.Equal(status, ran.Status);
        Assert.Equal(status != 0, ran.Errors.Contains("Operation not permitted", StringComparison.Ordinal));
        Assert.Equal(2, daemon.Entries(program).Length);
        bool said = mode == "enforce"
            ? daemon.Log.Contains($" denied \"{program}\" hook=BPRM_CHECK", StringComparison.Ordinal)
            : daemon.Log.Contains($" would deny \"{program}\" hook=BPRM_CHECK", StringComparison.Ordinal);
        Assert.Equal(mode != "off", said);
    }

    [Fact]
    public void Denial_says_who_what_why_and_what_to_do()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("it's new");

        Shell.Must("chmod", "755", program);
        Shell.Script($"setpriv --reuid=65534 --clear-groups \"{program}\"");

        Shell.Until(() => daemon.Log.Contains("denied", StringComparison.Ordinal), "the denial is logged");
        string line = daemon.Log.Split('\n').First(line => line.Contains(" denied \"", StringComparison.Ordinal));
        string[] facts =
        [
            $"denied \"{program}\" ", "hook=BPRM_CHECK", "pid=", "comm=\"setpriv\"", "uid=65534", "cause=missing-hash",
            "rule=\"built-in exec\"", $"imahost label '{volume["it'\\''s new"]}'",
        ];
        Assert.All(facts, fact => Assert.Contains(fact, line, StringComparison.Ordinal));
    }

    [Fact]
    public void Denial_is_one_JSON_object_when_asked_for()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce --log-format json");
        string program = volume.AddProgram("program");
        Shell.Script(program);

        Shell.Until(() => daemon.Log.Contains("denied", StringComparison.Ordinal), "the denial is logged");
        string line = daemon.Log.Split('\n').First(line => line.Contains("\"denied\"", StringComparison.Ordinal));
        System.Text.Json.JsonElement state =
            System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("State");
        Assert.Equal(program, state.GetProperty("Path").GetString());
        Assert.Equal("missing-hash", state.GetProperty("Cause").GetString());
        Assert.Equal(0, state.GetProperty("Uid").GetInt32());
    }

    [Theory]
    [InlineData("sha1", "0x01")]
    [InlineData("sha256", "0x0404")]
    [InlineData("sha384", "0x0405")]
    [InlineData("sha512", "0x0406")]
    public void Label_of_each_algorithm_passes_and_names_the_algorithm_of_the_entry(string hash, string prefix)
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", "--hash", hash, program);
        string digest = Shell.Must($"{hash}sum", program).Split(' ')[0];
        Assert.Contains($"={prefix}{digest}", Shell.Must("getfattr", "-e", "hex", "-n", "security.ima", program),
            StringComparison.Ordinal);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");

        Assert.Equal(0, Shell.Script(program).Status);
        Assert.Contains($" {hash}:{digest} ", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0x04", "invalid-xattr")]
    [InlineData("0x040411", "invalid-xattr")]
    [InlineData("0x09aabb", "invalid-xattr")]
    [InlineData("0x0101010101010101010101010101010101010101", "invalid-xattr")]
    [InlineData("0x030204a4010f57000411223344", "invalid-signature")]
    public void Attribute_that_vouches_for_nothing_is_denied(string value, string cause)
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must("setfattr", "-n", "security.ima", "-v", value, program);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");

        Assert.Equal(CannotExecute, Shell.Script(program).Status);
        Shell.Until(() => daemon.Log.Contains($"cause={cause}", StringComparison.Ordinal), $"{cause}; {daemon.Log}");
    }

    [Fact]
    public void Signature_is_in_the_entry()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must("setfattr", "-n", "security.ima", "-v", "0x030204a4010f57000411223344", program);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Shell.Script(program);

        Assert.EndsWith(" 030204a4010f57000411223344", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
    }

    [Fact]
    public void Fix_writes_the_hash_and_never_over_a_signature()
    {
        using var volume = new Volume("ext4");
        string bare = volume.AddProgram("bare");
        string signed = volume.AddProgram("signed");
        Shell.Must("setfattr", "-n", "security.ima", "-v", "0x030204a4010f57000411223344", signed);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise fix");

        Assert.Equal(0, Shell.Script($"{bare} && {signed}").Status);

        string digest = Shell.Must("sha256sum", bare)[..64];
        Assert.Contains($"=0x0404{digest}", Shell.Must("getfattr", "-e", "hex", "-n", "security.ima", bare),
            StringComparison.Ordinal);
        Assert.Contains("=0x0302", Shell.Must("getfattr", "-e", "hex", "-n", "security.ima", signed),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Denied_program_can_be_labelled_and_then_runs()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("program");
        Assert.Equal(CannotExecute, Shell.Script(program).Status);
        Assert.NotEqual(0, Shell.Script($"cat {program}").Status);

        Shell.Must(Bench.Program, "label", program);

        Assert.Equal(0, Shell.Script(program).Status);
    }

    [Fact]
    public void Program_written_over_in_place_is_not_denied_to_its_writer()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("program");

        Assert.Equal(0, Shell.Script($"cat /bin/true > {program}").Status);
        Assert.Empty(daemon.Entries(program));
    }

    [Fact]
    public void Object_file_may_be_read_by_a_linker()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string source = Path.Combine(Bench.NewDirectory("source"), "main.c");
        File.WriteAllText(source, "int main(void) { return 0; }\n");

        Outcome built = Shell.Script($"cd {volume.Path} && cc -c {source} -o main.o && cc main.o -o main");

        Assert.True(built.Status == 0, built.Errors);
        Assert.Equal(CannotExecute, Shell.Script(volume["main"]).Status);
    }

    [Fact]
    public void Label_writes_nothing_when_an_option_is_unknown()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");

        Outcome outcome = Shell.Run(Bench.Program, "label", "--frobnicate", volume.Path);

        Assert.Equal(2, outcome.Status);
        Assert.Contains("there is no option --frobnicate", outcome.Errors, StringComparison.Ordinal);
        Assert.NotEqual(0, Shell.Run("getfattr", "-n", "security.ima", program).Status);
    }

    [Fact]
    public void Label_of_a_tree_stays_on_its_filesystem_and_follows_no_links()
    {
        using var volume = new Volume();
        using var elsewhere = new Volume();
        string outside = elsewhere.AddProgram("outside");
        Directory.CreateDirectory(volume["below"]);
        Shell.Must("mount", "-t", "tmpfs", "imahost-volume", volume["below"]);
        string mounted = volume.AddProgram("below/mounted");
        string inside = volume.AddProgram("inside");
        File.CreateSymbolicLink(volume["link"], outside);
        File.CreateSymbolicLink(volume["tree"], elsewhere.Path);

        Outcome outcome = Shell.Run(Bench.Program, "label", volume.Path);

        Shell.Must("umount", volume["below"]);
        Assert.Contains("labelled 1 file ", outcome.Output, StringComparison.Ordinal);
        Shell.Must("getfattr", "-n", "security.ima", inside);
        Assert.NotEqual(0, Shell.Run("getfattr", "-n", "security.ima", outside).Status);
        _ = mounted;
    }

    [Fact]
    public void Enforcing_is_refused_when_it_would_deny_the_host_itself()
    {
        using var volume = new Volume("ext4");
        string program = Installed.CopyTo(volume);
        using (var refused = new Daemon(volume.Path, "--tpm none --appraise enforce", program: program))
        {
            Assert.Equal(2, refused.AwaitFailure());
            Assert.Contains($"--appraise enforce would deny {volume["imahost-guard"]}, {program}: label", refused.Log, StringComparison.Ordinal);
        }

        Shell.Must(Bench.Program, "label", volume.Path);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce", program: program);
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Label_reports_what_it_cannot_do_and_does_the_rest()
    {
        using var volume = new Volume();
        string directory = volume["tree"];
        Directory.CreateDirectory(directory);
        string program = volume.AddProgram("tree/program");
        Shell.Must("mkfifo", Path.Combine(directory, "fifo"));
        Shell.Must("mknod", Path.Combine(directory, "null"), "c", "1", "3");

        Outcome outcome = Shell.Run(Bench.Program, "label", directory, volume["missing"]);

        Assert.Equal(1, outcome.Status);
        Assert.Contains($"{volume["missing"]}: No such file or directory (ENOENT)", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("labelled 1 file ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("skipped 2", outcome.Output, StringComparison.Ordinal);
        Shell.Must("getfattr", "-n", "security.ima", program);
    }
}
