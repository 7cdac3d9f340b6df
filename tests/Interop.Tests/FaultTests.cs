using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Hosts die and hang, TPMs go away: nothing freezes, nothing is let through, nothing is lost.</summary>
public sealed class FaultTests
{
    [Fact]
    public void Exec_waits_until_the_TPM_has_its_entry()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string program = volume.AddProgram("program");
        tpm.Freeze();

        using Running running = Shell.StartScript($"{program} done");
        Thread.Sleep(700);
        bool waited = !running.HasExited;
        bool readable = daemon.Entries(program).Length == 1;
        tpm.Thaw();

        Assert.True(waited, "the exec went on without its extend");
        Assert.True(readable, "the entry is not readable before its extend");
        Assert.Equal("done\n", running.Wait().Output);
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Killed_host_is_replaced_while_execs_wait_and_nothing_is_let_through()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --appraise enforce");
        const int rounds = 25;
        for (int round = 0; round < rounds; round++)
        {
            string good = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"good{round}"));
            string evil = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"evil{round}"));
            Shell.Must(Bench.Program, "label", good);
            using Running goodRun = Shell.StartScript($"{good} good");
            using Running evilRun = Shell.StartScript($"{evil} evil");
            Thread.Sleep(round % 5);
            daemon.KillHost();

            Assert.Equal("good\n", goodRun.Wait().Output);
            Assert.Equal("", evilRun.Wait().Output);
            Assert.Single(daemon.Entries(good));
            Assert.Single(daemon.Entries(evil));
        }

        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
        Assert.Equal(rounds + 1ul, daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
    }

    [Fact]
    public void Cached_verdict_survives_the_host_and_a_writer_ends_it_all_the_same()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", program);
        const string change =
            "import mmap,os,sys; f=os.open(sys.argv[1],os.O_RDWR); m=mmap.mmap(f,0); m[-1]=(m[-1]+1)%256; m.close()";
        for (int round = 0; round < 20; round++)
        {
            Assert.Equal(0, Shell.Script(program).Status);
            daemon.KillHost();
            Shell.Must("python3", "-c", change, program);
            Assert.Equal(126, Shell.Script(program).Status);
            Shell.Must(Bench.Program, "label", program);
        }
    }

    [Fact]
    public void Hung_host_is_replaced_and_its_jobs_are_done()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        int host = daemon.HostPid;
        Shell.Signal("STOP", host);

        Outcome ran = Shell.Script($"{program} done");

        Assert.Equal("done\n", ran.Output);
        Assert.Single(daemon.Entries(program));
        Assert.NotEqual(host, daemon.HostPid);
        Assert.Contains("gave no sign of life", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Waiter_that_is_killed_while_no_host_is_there_does_not_stay()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        Shell.Signal("STOP", daemon.HostPid);
        using Running waiter = Shell.StartScript($"exec {program}");
        Thread.Sleep(200);

        Shell.Signal("KILL", waiter.Pid);

        Assert.Equal(137, waiter.Wait(1).Status);
        Assert.Equal(0, Shell.Script(volume.AddProgram("other")).Status);
    }

    [Fact]
    public void Program_that_kills_every_host_gets_an_answer()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("program");
        using Running running = Shell.StartScript(program);
        for (int i = 0; i < 100 && !running.HasExited; i++)
        {
            int host = daemon.HostPid;
            if (host != 0)
            {
                Shell.Run("kill", "-KILL", $"{host}");
            }
        }

        Assert.Equal(126, running.Wait().Status);
    }

    [Theory]
    [InlineData("", 0, "allowed")]
    [InlineData("--appraise enforce", 126, "denied")]
    public void TPM_that_hangs_is_a_fault_with_an_outcome(string mode, int status, string outcome)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", program);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} {mode}");
        tpm.Freeze();

        Assert.Equal(status, Shell.Script(program, seconds: 15).Status);
        Assert.Equal(status, Shell.Script(program, seconds: 1).Status);

        Shell.Until(() => daemon.Log.Contains("TPM fault", StringComparison.Ordinal), "the fault is logged");
        Assert.Contains(outcome, daemon.Log, StringComparison.Ordinal);
        tpm.Thaw();
        Shell.Until(() => daemon.Log.Contains("follows the list again", StringComparison.Ordinal), "recovery");
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
        Assert.Equal(0, Shell.Script(program).Status);
    }

    [Fact]
    public void TPM_that_goes_away_and_comes_back_blank_stays_a_fault()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        Shell.Script(volume.AddProgram("before"));
        tpm.Kill();

        string during = volume.AddProgram("during");
        Assert.Equal(0, Shell.Script(during).Status);
        Assert.Single(daemon.Entries(during));
        Shell.Until(() => daemon.Status().GetProperty("faults").GetArrayLength() > 0, "the fault is in the status");

        tpm.Start();
        Shell.Until(() => daemon.Log.Contains("the TPM was reset", StringComparison.Ordinal), "the reset shows");
        Assert.Equal(0, Shell.Script(volume.AddProgram("after")).Status);
    }

    [Fact]
    public void Host_killed_between_append_and_extend_is_caught_up_with()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string program = volume.AddProgram("program");
        tpm.Freeze();
        using Running running = Shell.StartScript($"{program} done");
        Shell.Until(() => daemon.Entries(program).Length == 1, "appended");

        daemon.KillHost();
        tpm.Thaw();

        Assert.Equal("done\n", running.Wait().Output);
        Assert.Single(daemon.Entries(program));
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Host_that_loads_code_opens_files_and_collects_garbage_on_the_watched_filesystem_never_hangs()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        string hazard = Installed.CopyHazardHostTo(volume);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}", program: hazard);
        for (int i = 0; i < 60; i++)
        {
            string program = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"program{i}"));
            Outcome ran = Shell.Script($"{program} {i}", seconds: 10);
            Assert.True(ran.Output == $"{i}\n", daemon.Log);
            if (i % 20 == 10)
            {
                daemon.KillHost();
            }
        }

        Outcome verified = tpm.Verify(daemon.BinaryList);
        Assert.True(verified.Status == 0, $"{verified.Errors}{daemon.Log}{File.ReadAllText(daemon.AsciiList)}");
    }

    [Fact]
    public void Host_that_never_comes_up_does_not_freeze_the_filesystem()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        File.WriteAllText(volume["data.txt"], "text");
        using Running guard = Shell.StartScript(
            $"exec {Bench.Guard} --watch {volume.Path} --deadline 1500 --fail deny -- /bin/false");
        Thread.Sleep(300);

        Assert.Equal("text", Shell.Script($"cat {volume["data.txt"]}", seconds: 2).Output);
        Assert.Equal(126, Shell.Script(program, seconds: 5).Status);

        Shell.Signal("TERM", guard.Pid);
        Outcome ended = guard.Wait();
        Assert.Equal(0, ended.Status);
        Assert.Contains("no host comes up", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Stop_ends_everything_and_leaves_nothing()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "");
        Shell.Script(volume.AddProgram("program"));

        Assert.Equal(0, daemon.Stop());

        Assert.DoesNotContain(daemon.Fs, File.ReadAllText("/proc/mounts"), StringComparison.Ordinal);
        Outcome status = Shell.Run(Bench.Program, "status", "--state", daemon.State);
        Assert.Equal(2, status.Status);
        Assert.Contains("it is not running", status.Errors, StringComparison.Ordinal);
        Shell.Until(() => Shell.Run("pgrep", "-f", daemon.State).Status != 0, "swtpm and host are gone");
        Assert.Equal(0, Shell.Script(volume.AddProgram("later")).Status);
    }
}
