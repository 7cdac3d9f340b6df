using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>`imahost label` of whole trees: what it meets there, and being interrupted.</summary>
public sealed class LabelTreeTests
{
    const int CannotExecute = 126;

    [Fact]
    public void Interrupted_run_says_how_it_is_gone_on_with_and_is_without_reading_what_is_done()
    {
        const int small = 50;
        using var volume = new Volume();
        string tree = volume["tree"];
        Shell.Must("sh", "-c", $"mkdir {tree} && cd {tree} && for i in $(seq {small}); do echo $i > $i; done && truncate -s 200G endless");
        string journal = volume["journal"];
        using Running running = Shell.Start(Bench.Program, "label", "--jobs", "2", "--journal", journal, tree);
        Shell.Until(
            () => CountLabels(tree) == small || running.HasExited, "all but one are labelled");

        Shell.Signal("INT", running.Pid);
        Outcome stopped = running.Wait();

        Assert.Equal(1, stopped.Status);
        Assert.Contains($"labelled {small} files", stopped.Output, StringComparison.Ordinal);
        Assert.Contains(
            $"stopped    before the end; go on: imahost label --resume --jobs 2 --journal {journal} {tree}\n", stopped.Output,
            StringComparison.Ordinal);
        Assert.Equal("", stopped.Errors);

        Shell.Must("truncate", "-s", "5", Path.Combine(tree, "endless"));
        Shell.Must("sh", "-c", $"echo other > {tree}/7");
        JsonElement resumed = Report(Shell.Run(Bench.Program, "label", "--resume", "--journal", journal, "--json", tree), 0);
        Assert.Equal((2, small - 1, small - 1), Numbers(resumed, "labelled", "known", "unchanged"));
        Assert.True(resumed.GetProperty("bytes").GetInt64() < 100);
        Assert.Equal(small + 1, CountLabels(tree));
    }

    [Fact]
    public void Resume_without_a_journal_reads_again_and_writes_what_is_missing()
    {
        using var volume = new Volume("ext4");
        string one = volume.AddProgram("one");
        Shell.Must(Bench.Program, "label", one);
        string changed = Shell.Must("stat", "-c", "%z", one);
        volume.AddProgram("two");

        JsonElement report = Report(Shell.Run(Bench.Program, "label", "--resume", "--json", volume.Path), 0);

        Assert.Equal((1, 1, 0), Numbers(report, "labelled", "unchanged", "known"));
        Assert.Equal(changed, Shell.Must("stat", "-c", "%z", one));
    }

    [Fact]
    public void Causes_are_told_apart_and_the_rest_is_labelled()
    {
        using var volume = new Volume("ext4");
        string sealedFile = volume.AddProgram("sealed");
        string leased = volume.AddProgram("leased");
        string good = volume.AddProgram("good");
        Shell.Must("chattr", "+i", sealedFile);
        Directory.CreateDirectory(volume["ramfs"]);
        Shell.Must("mount", "-t", "ramfs", "imahost-volume", volume["ramfs"]);
        File.WriteAllText(volume["ramfs/file"], "");
        using var actor = new Actor();
        Assert.Equal("0", actor.Ask($"__import__('signal').signal(29, 1) and 0 or __import__('fcntl').fcntl(os.open('{leased}', os.O_RDWR), 1024, 1)"));

        JsonElement report = Report(
            Shell.Run(Bench.Program, "label", "--json", volume.Path, volume["ramfs"], volume["missing"]), 1);

        Shell.Must("umount", volume["ramfs"]);
        Shell.Must("chattr", "-i", sealedFile);
        Shell.Must("getfattr", "-n", "security.ima", good);
        string[] causes =
        [
            .. report.GetProperty("causes").EnumerateArray().Select(cause =>
                $"{cause.GetProperty("count")} {cause.GetProperty("cause").GetString()}: {cause.GetProperty("examples")[0].GetString()}")
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(
            [
                $"1 No such file or directory (ENOENT): {volume["missing"]}",
                $"1 it is immutable or append-only, see lsattr(1) (EPERM): {sealedFile}",
                $"1 its filesystem has no security attributes (EOPNOTSUPP): {volume["ramfs/file"]}",
                $"1 somebody holds a lease on it (EAGAIN): {leased}",
            ],
            causes);
        Assert.Equal(4, report.GetProperty("failed").GetInt32());
    }

    [Fact]
    public void Filesystem_that_is_mounted_read_only_is_told_as_such_for_all_its_files_at_once()
    {
        using var volume = new Volume("ext4");
        Shell.Must("sh", "-c", $"cd {volume.Path} && for i in $(seq 30); do echo $i > $i; done");
        Shell.Must("mount", "-o", "remount,ro", volume.Path);

        Outcome outcome = Shell.Run(Bench.Program, "label", volume.Path);

        Assert.Equal(1, outcome.Status);
        Assert.Contains("failed     30: its filesystem is mounted read-only (EROFS): ", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(30, outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void Tree_that_is_mounted_in_itself_and_over_its_files_is_labelled_once()
    {
        using var volume = new Volume();
        using var elsewhere = new Volume();
        string foreign = elsewhere.AddProgram("foreign");
        Directory.CreateDirectory(volume["tree/below/loop"]);
        string program = volume.AddProgram("tree/program");
        string covered = volume.AddProgram("tree/covered");
        Shell.Must("mount", "--rbind", volume["tree"], volume["tree/below/loop"]);
        Shell.Must("mount", "--bind", foreign, covered);

        JsonElement report = Report(Shell.Run(Bench.Program, "label", "--json", volume["tree"]), 0);

        Shell.Must("umount", covered);
        Shell.Must("umount", "-l", volume["tree/below/loop"]);
        Assert.Equal((1, 0, 0), Numbers(report, "labelled", "unchanged", "failed"));
        Shell.Must("getfattr", "-n", "security.ima", program);
        Assert.NotEqual(0, Shell.Run("getfattr", "-n", "security.ima", foreign).Status);
    }

    [Fact]
    public void Dry_run_names_what_it_would_label()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");

        Outcome outcome = Shell.Run(Bench.Program, "label", "--dry-run", volume.Path);

        Assert.Equal(0, outcome.Status);
        Assert.StartsWith($"would label {program}\nwould label 1 file with sha256", outcome.Output, StringComparison.Ordinal);
        Assert.NotEqual(0, Shell.Run("getfattr", "-n", "security.ima", program).Status);
    }

    [Fact]
    public void Tree_is_labelled_while_a_host_enforces_on_it_and_runs_afterwards()
    {
        const int count = 40;
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string[] programs = [.. Enumerable.Range(0, count).Select(number => volume.AddProgram($"program{number}"))];
        Assert.Equal(CannotExecute, Shell.Script(programs[0]).Status);

        JsonElement report = Report(Shell.Run(Bench.Program, "label", "--only", "exec", "--json", volume.Path), 0);

        Assert.Equal((count, 0, 0), Numbers(report, "labelled", "unchanged", "failed"));
        Assert.All(programs, program => Assert.Equal(0, Shell.Script(program).Status));
    }

    [Fact]
    public void Journal_is_not_taken_for_what_is_none()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");

        Outcome outcome = Shell.Run(Bench.Program, "label", "--journal", program, volume.Path);

        Assert.Equal(2, outcome.Status);
        Assert.Contains($"{program} is no journal of imahost label", outcome.Errors, StringComparison.Ordinal);
    }

    static int CountLabels(string tree) =>
        Shell.Run("sh", "-c", $"getfattr --absolute-names -R -n security.ima {tree} 2>/dev/null | grep -c ^security").Output is var text
            && int.TryParse(text, out int count) ? count : 0;

    static (int, int, int) Numbers(JsonElement report, string first, string second, string third) => (
        report.GetProperty(first).GetInt32(), report.GetProperty(second).GetInt32(), report.GetProperty(third).GetInt32());

    static JsonElement Report(Outcome outcome, int status)
    {
        Assert.True(outcome.Status == status, outcome.Errors + outcome.Output);
        return JsonDocument.Parse(outcome.Output).RootElement;
    }
}
