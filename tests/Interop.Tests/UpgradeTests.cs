using System.Globalization;
using System.Text;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What is installed takes over from what runs: nothing is lost, nobody waits long, nothing runs unjudged.</summary>
public sealed class UpgradeTests
{
    /// <summary>Runs each program and says how long the slowest took until its first output, in milliseconds.</summary>
    const string RunAll =
        """
        import subprocess, sys, time
        slowest = 0
        for number, program in enumerate(sys.argv[1:]):
            begun = time.monotonic()
            assert subprocess.run(["/bin/sh", "-c", program + " " + str(number)], capture_output=True, text=True).stdout == f"{number}\n"
            slowest = max(slowest, time.monotonic() - begun)
        print(int(slowest * 1000))
        """;

    [Fact]
    public void Another_host_takes_over_the_list_and_the_kept_verdicts()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string program = volume.AddProgram("program");
        Shell.Must(program);
        int host = daemon.HostPid;
        string before = File.ReadAllText(daemon.AsciiList);
        ulong events = Count(daemon, "events");

        JsonElement report = Restart(daemon);

        Assert.NotEqual(host, daemon.HostPid);
        Assert.Equal(1ul, report.GetProperty("cached").GetUInt64());
        Shell.Must(program);
        Assert.Equal(events, Count(daemon, "events"));
        string after = File.ReadAllText(daemon.AsciiList);
        Assert.StartsWith(before, after, StringComparison.Ordinal);
        Assert.DoesNotContain("imahost-stop", after, StringComparison.Ordinal);
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Another_guard_takes_over_marks_leases_and_watches()
    {
        using var volume = new Volume("ext4");
        string installed = Install();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", program: installed);
        string[] programs = [.. Enumerable.Range(0, 3).Select(i => volume.AddProgram($"program{i}"))];
        Array.ForEach(programs, program => Shell.Must(program));
        ulong events = Count(daemon, "events");
        Upgrade(installed);

        string what = Restart(daemon).GetProperty("what").GetString()!;

        Assert.Equal("another guard and another host follow", what);
        Assert.StartsWith("/memfd:imahost-guard", Shell.Must("readlink", $"/proc/{daemon.GuardPid}/exe"), StringComparison.Ordinal);
        Array.ForEach(programs, program => Shell.Must(program));
        Assert.Equal(events, Count(daemon, "events"));
        Volume.Change(programs[0]);
        Shell.Must(programs[0]);
        Assert.Equal(2, daemon.Entries(programs[0]).Length);
        Shell.Must("chmod", "700", programs[1]);
        Shell.Until(() => Count(daemon, "cached") == 2, "the verdict ended with the mode");
        string other = volume.AddProgram("other");
        Shell.Must(other);
        Assert.Single(daemon.Entries(other));
        Assert.Contains("another guard goes on", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Access_that_is_held_is_answered_by_those_who_follow()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string installed = Install();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}", program: installed);
        string program = volume.AddProgram("program");
        Upgrade(installed);
        tpm.Freeze();
        using Running held = Shell.StartScript($"{program} done");
        Shell.Until(() => daemon.Entries(program).Length == 1, "it is entered, and waits for the TPM");

        using Running restart = Shell.Start(Bench.Program, "restart", "--state", daemon.State);
        Shell.Until(() => daemon.Log.Contains("another guard goes on", StringComparison.Ordinal), "another guard");
        Assert.False(held.HasExited);
        tpm.Thaw();

        Assert.Equal("done\n", held.Wait().Output);
        Assert.Equal(0, restart.Wait().Status);
        Assert.Single(daemon.Entries(program));
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Nobody_waits_a_second_and_readers_go_on_while_all_is_replaced_again_and_again()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        string installed = Install();
        string[] programs = [.. Enumerable.Range(100, 150).Select(i => volume.AddProgram($"program{i}"))];
        Shell.Must(Bench.Program, ["label", .. programs]);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --appraise enforce", program: installed);
        using FileStream reader = File.OpenRead(daemon.AsciiList);
        var read = new StringBuilder(ReadSome(reader, 150));

        using Running before = Shell.Start("/usr/bin/python3", ["-c", RunAll, .. programs[..30]]);
        int usual = Slowest(before);
        using Running runs = Shell.Start("/usr/bin/python3", ["-c", RunAll, .. programs[30..]]);
        for (int i = 0; i < 10; i++)
        {
            Upgrade(installed);
            _ = Restart(daemon);
            _ = read.Append(ReadSome(reader, 50));
        }

        int slowest = Slowest(runs);
        Assert.True(slowest < 1000 + (5 * usual), $"one waited for {slowest} ms, before that for {usual}; {daemon.Log}");
        Assert.All(programs, program => Assert.Single(daemon.Entries(program)));
        _ = read.Append(ReadSome(reader, 1 << 20));
        Assert.Equal(File.ReadAllText(daemon.AsciiList), read.ToString());
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
        Assert.Equal(0ul, Count(daemon, "deadlines"));
    }

    [Fact]
    public void Guard_of_another_protocol_is_refused_and_all_goes_on()
    {
        using var volume = new Volume();
        string installed = Install();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", program: installed);
        int host = daemon.HostPid;
        Upgrade(installed, "s/imahost-guard abi [0-9]*/imahost-guard abi 0/");

        Outcome outcome = Shell.Run(Bench.Program, "restart", "--state", daemon.State);

        Assert.Equal(2, outcome.Status);
        Assert.Contains("it speaks another version of the protocol (imahost-guard abi 0", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(host, daemon.HostPid);
        Shell.Must(volume.AddProgram("program"));
    }

    [Fact]
    public void Guard_that_cannot_be_executed_leaves_the_one_that_runs()
    {
        using var volume = new Volume("ext4");
        string installed = Install();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", program: installed);
        string program = volume.AddProgram("program");
        Shell.Must(program);
        Upgrade(installed, "s/^.ELF/damaged/");

        _ = Restart(daemon);

        Assert.Contains("the guard goes on as it is, it cannot be replaced", daemon.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("memfd", Shell.Must("readlink", $"/proc/{daemon.GuardPid}/exe"), StringComparison.Ordinal);
        Volume.Change(program);
        Shell.Must(program);
        Assert.Equal(2, daemon.Entries(program).Length);
    }

    [Fact]
    public void Without_a_service_there_is_nothing_to_replace()
    {
        Outcome outcome = Shell.Run(Bench.Program, "restart", "--state", Bench.NewDirectory("state"));

        Assert.Equal(2, outcome.Status);
        Assert.Contains("it is not running", outcome.Errors, StringComparison.Ordinal);
    }

    /// <summary>Copies of the product where nobody watches.</summary>
    static string Install()
    {
        string place = Bench.NewDirectory("installed");
        File.Copy(Bench.Guard, Path.Combine(place, "imahost-guard"));
        string program = Path.Combine(place, "imahost");
        File.Copy(Bench.Program, program);
        return program;
    }

    /// <summary>Puts another guard in place of the installed one, as a package manager does.</summary>
    static void Upgrade(string installed, string edit = "$a newer")
    {
        string guard = Path.Combine(Path.GetDirectoryName(installed)!, "imahost-guard");
        Shell.Must("sh", "-c", $"LC_ALL=C sed '{edit}' {guard} > {guard}.new && chmod 755 {guard}.new && mv {guard}.new {guard}");
    }

    static JsonElement Restart(Daemon daemon)
    {
        Outcome outcome = Shell.Run(Bench.Program, "restart", "--json", "--state", daemon.State);
        Assert.True(outcome.Status == 0, outcome.Errors + daemon.Log);
        return JsonDocument.Parse(outcome.Output).RootElement;
    }

    static int Slowest(Running runs)
    {
        Outcome ran = runs.Wait(60);
        Assert.True(ran.Status == 0, ran.Errors);
        return int.Parse(ran.Output, CultureInfo.InvariantCulture);
    }

    static ulong Count(Daemon daemon, string what) => daemon.Status().GetProperty("accesses").GetProperty(what).GetUInt64();

    static string ReadSome(FileStream reader, int most)
    {
        byte[] bytes = new byte[most];
        int got = reader.ReadAtLeast(bytes, most, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(bytes, 0, got);
    }
}
