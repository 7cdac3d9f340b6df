using System.Text;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What ran before the service came, and what the host itself is made of, stand in the list.</summary>
public sealed class CoverageTests
{
    const int SomeUser = 65533;

    /// <summary>Rules that ask about nobody there is.</summary>
    const string NobodysRules = "measure func=BPRM_CHECK uid=12345\nmeasure func=MMAP_CHECK uid=12345\n";

    [Fact]
    public void What_runs_and_what_is_mapped_to_be_executed_follows_the_event_that_counts_it()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        string program = AddSleeper(volume, "program"), gone = AddSleeper(volume, "gone");
        string library = volume.AddProgram("library.so"), data = volume.AddProgram("data");
        using Running first = Start(program), second = Start(program), third = Start(gone);
        using var actor = new Actor();
        actor.Map(actor.OpenToRead(library), "flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ|mmap.PROT_EXEC");
        actor.Map(actor.OpenToRead(data), "flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ");
        string digestOfGone = DigestOf(gone);
        File.Delete(gone);

        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string[] list = File.ReadAllLines(daemon.AsciiList);
        int running = Array.FindIndex(list, line => NameIn(line) == "imahost-running");
        Assert.Equal("files=3\nprocesses=4\n", BufferOf(list[running]));
        string[] after = [.. list.Skip(running + 1).Select(line => string.Join(' ', line.Split(' ')[3..])).Order()];
        Assert.Equal(
            new[] { $"{digestOfGone} {gone} ", $"{DigestOf(library)} {library} ", $"{DigestOf(program)} {program} " }.Order(), after);
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);

        JsonElement coverage = Coverage(daemon);
        Assert.Equal((3, 4, 0, true), Read(coverage));
        Assert.InRange(coverage.GetProperty("since").GetDateTime(), DateTime.UtcNow.AddMinutes(-5), DateTime.UtcNow);
        string text = Shell.Must(Bench.Program, "status", "--state", daemon.State);
        Assert.Contains(" UTC: 3 files of 4 processes ran before, 0 of the files would have been denied\n", text, StringComparison.Ordinal);
        End(first, second, third);
    }

    [Fact]
    public void Rules_decide_by_who_runs_it()
    {
        using var volume = new Volume();
        string both = AddSleeper(volume, "both"), mine = AddSleeper(volume, "mine");
        using Running root = Start(both), other = Start(both, SomeUser), alone = Start(mine);
        string rules = Bench.NewFile("rules", $"measure func=BPRM_CHECK uid={SomeUser}\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {rules}");
        Assert.Single(daemon.Entries(both));
        Assert.Empty(daemon.Entries(mine));
        Assert.Equal((2, 3, 0, true), Read(Coverage(daemon)));
        End(root, other, alone);
    }

    [Theory]
    [InlineData("log")]
    [InlineData("enforce")]
    public void What_would_be_denied_is_told_of_and_left_running(string mode)
    {
        using var volume = new Volume("ext4");
        string bad = AddSleeper(volume, "bad"), good = AddSleeper(volume, "good");
        Shell.Must(Bench.Program, "label", good);
        using Running runningBad = Start(bad), runningGood = Start(good);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --appraise {mode}");
        Assert.Equal((2, 2, 1, true), Read(Coverage(daemon)));
        Assert.Contains($"would have denied \"{bad}\" hook=BPRM_CHECK pid={runningBad.Pid} ", daemon.Log, StringComparison.Ordinal);
        Assert.DoesNotContain($"would have denied \"{good}\"", daemon.Log, StringComparison.Ordinal);
        Assert.False(runningBad.HasExited);
        JsonElement accesses = daemon.Status().GetProperty("accesses");
        Assert.Equal((0, 0), (accesses.GetProperty("appraisal_denied").GetInt32(), accesses.GetProperty("would_deny").GetInt32()));
        Assert.Equal(mode == "enforce" ? 126 : 0, Shell.Script($"{bad} 0").Status);

        ReplaceHost(daemon);
        Shell.Until(() => Read(Coverage(daemon)) == (2, 2, 1, true), "the next host knows what the first has found");
        End(runningBad, runningGood);
    }

    [Fact]
    public void Files_of_others_are_opened_without_being_refused_or_noted()
    {
        using var volume = new Volume();
        string program = AddSleeper(volume, "program");
        Shell.Must("chown", $"{SomeUser}", program);
        using Running running = Start(program, SomeUser);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Assert.Single(daemon.Entries(program));
        Assert.DoesNotContain("refused the host's access", daemon.Log, StringComparison.Ordinal);
        End(running);
    }

    [Fact]
    public void Host_that_replaces_another_enters_it_no_second_time()
    {
        using var volume = new Volume();
        using Running running = Start(AddSleeper(volume, "program"));
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string[] before = File.ReadAllLines(daemon.AsciiList);
        ReplaceHost(daemon);
        Shell.Until(() => Read(Coverage(daemon)) == (1, 1, 0, true), "the next host knows");
        Assert.Equal(before, File.ReadAllLines(daemon.AsciiList));
        End(running);
    }

    [Fact]
    public void What_host_and_guard_are_made_of_is_in_the_list_once_whatever_the_rules_say()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string rules = Bench.NewFile("rules", NobodysRules);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --policy {rules}");
        string[] list = File.ReadAllLines(daemon.AsciiList);
        foreach (string file in (string[])[Bench.Program, Bench.Guard, CryptoOf(daemon)])
        {
            string entry = Assert.Single(list, line => NameIn(line) == file);
            Assert.Equal(["ima-sig", DigestOf(file)], entry.Split(' ')[2..4]);
        }

        ReplaceHost(daemon);
        Assert.Equal(list, File.ReadAllLines(daemon.AsciiList));
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void What_the_host_loads_later_is_in_the_list_whatever_the_rules_say()
    {
        using var volume = new Volume("ext4");
        string hazard = Installed.CopyHazardHostTo(volume);
        string rules = Bench.NewFile("rules", NobodysRules);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {rules}", program: hazard);
        Shell.Until(() => daemon.Entries(volume["libraries/libz.so.1"]).Length == 1, "the library is in the list");
        Assert.Single(daemon.Entries($"{hazard} "));
        Assert.Empty(daemon.Entries("/memfd:"));
    }

    /// <summary>A program like no other that stays.</summary>
    static string AddSleeper(Volume volume, string name)
    {
        Shell.Must("sh", "-c", $"(cat /bin/sleep; echo {Guid.NewGuid()}) > {volume[name]} && chmod 755 {volume[name]}");
        return volume[name];
    }

    static Running Start(string program, int user = 0)
    {
        Running running = Shell.Start("setpriv", $"--reuid={user}", "--clear-groups", program, "60");
        Shell.Until(() => File.ReadAllText($"/proc/{running.Pid}/comm").TrimEnd() == Path.GetFileName(program), "it runs");
        return running;
    }

    static void End(params Running[] running)
    {
        foreach (Running one in running)
        {
            Shell.Signal("KILL", one.Pid);
            _ = one.Wait();
        }
    }

    static void ReplaceHost(Daemon daemon)
    {
        daemon.KillHost();
        Shell.Until(() => daemon.Log.Contains("took over", StringComparison.Ordinal), "the next host is there");
    }

    static string CryptoOf(Daemon daemon) => File.ReadLines($"/proc/{daemon.HostPid}/maps")
        .Select(line => line.Split(' ')[^1]).First(path => path.Contains("libcrypto", StringComparison.Ordinal));

    static string DigestOf(string path) => $"sha256:{Shell.Must("sha256sum", path).Split(' ')[0]}";

    static JsonElement Coverage(Daemon daemon) => daemon.Status().GetProperty("coverage");

    static (int Files, int Processes, int Denied, bool Complete) Read(JsonElement coverage) => (
        coverage.GetProperty("running_files").GetInt32(), coverage.GetProperty("running_processes").GetInt32(),
        coverage.GetProperty("running_denied").GetInt32(), coverage.GetProperty("complete").GetBoolean());

    static string NameIn(string line) => line.Split(' ')[4];

    static string BufferOf(string line) => Encoding.UTF8.GetString(Convert.FromHexString(line.Split(' ')[5]));
}
