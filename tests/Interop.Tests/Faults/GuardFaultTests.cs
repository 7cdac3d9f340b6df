using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>The guard is stopped, killed, short of descriptors, without a host.</summary>
[Trait("Kind", "faults")]
public sealed class GuardFaultTests
{
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

    [Fact]
    public void Stopped_guard_keeps_accesses_waiting_and_all_goes_on_after_it()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --appraise enforce {Fault.Deadline(1000)}");
        string[] programs = Fault.AddLabelled(volume, "program", 4);
        Assert.Equal(0, Shell.Script(programs[0]).Status);
        Shell.Signal("STOP", daemon.GuardPid);
        List<Running> waiters = [.. programs[1..].Select(program => Shell.StartScript($"exec {program} done"))];

        Assert.Equal(0, Shell.Script(programs[0], seconds: 2).Status);
        Thread.Sleep(1500);
        Assert.DoesNotContain(waiters, waiter => waiter.HasExited);
        Shell.Signal("KILL", waiters[2].Pid);
        Assert.Equal(137, waiters[2].Wait(1).Status);
        Shell.Signal("CONT", daemon.GuardPid);

        Assert.All(waiters[..2], waiter => Assert.Equal("done\n", waiter.Wait(3).Output));
        Fault.RequireOnce(daemon, programs[..3]);
        Fault.RequireAgreement(tpm, daemon);
        Assert.Equal(1ul, daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
        waiters.ForEach(waiter => waiter.Dispose());
    }

    [Fact]
    public void Killed_guard_opens_the_gate_and_the_next_one_goes_on_with_the_list()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        string[] programs = Fault.AddLabelled(volume, "program", 3);
        string foreign = volume.AddProgram("foreign");
        string options = $"--tpm {tpm.Transport} --appraise enforce";
        string list;
        using (Daemon first = Daemon.Ready(volume.Path, options))
        {
            Assert.Equal(0, Shell.Script(programs[0]).Status);
            Assert.Equal(126, Shell.Script(foreign).Status);
            int host = first.HostPid;
            tpm.Freeze();
            using Running waiter = Shell.StartScript($"exec {programs[1]} done");
            Shell.Until(() => first.Entries(programs[1]).Length == 1, "it waits for its extend");
            list = File.ReadAllText(first.AsciiList);

            first.Kill();

            Assert.Equal("done\n", waiter.Wait(2).Output);
            Shell.Until(() => Fault.IsGone(host), "the host ends with it");
            Assert.Equal(0, Shell.Script(foreign, seconds: 2).Status);
            Assert.Equal(1, CountMounts(first.Fs));
            Assert.NotEqual(0, Shell.Run("cat", first.AsciiList).Status);
            tpm.Thaw();

            using Daemon second = Daemon.Ready(volume.Path, options, state: first.State);
            Assert.Equal(1, CountMounts(second.Fs));
            Assert.Equal(126, Shell.Script(foreign).Status);
            Assert.All(programs, program => Assert.Equal(0, Shell.Script(program).Status));
            Assert.StartsWith(list, File.ReadAllText(second.AsciiList), StringComparison.Ordinal);
            Assert.DoesNotContain("imahost-stop", File.ReadAllText(second.AsciiList), StringComparison.Ordinal);
            Fault.RequireOnce(second, [.. programs, foreign]);
            Fault.RequireAgreement(tpm, second);
        }
    }

    [Fact]
    public void Killed_guard_lets_go_of_those_who_wait_for_one_file()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Shell.Signal("STOP", daemon.HostPid);
        using Running first = Shell.StartScript($"exec cat {program} > /dev/null");
        Shell.Until(() => Fault.IsHeld(first.Pid), "the first one waits");
        using Running second = Shell.StartScript($"exec cat {program} > /dev/null");
        Shell.Until(() => Fault.IsHeld(second.Pid), "the second one waits");

        daemon.Kill();
        Thread.Sleep(1000);
        bool isFree = first.HasExited && second.HasExited;
        Shell.Run("kill", "-KILL", $"{first.Pid}", $"{second.Pid}");

        Assert.True(isFree, "they wait for a guard that is dead");
        Assert.Equal(0, second.Wait(1).Status);
    }

    [Fact]
    public void Guard_with_few_descriptors_answers_a_crowd()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string[] programs = Fault.AddLabelled(volume, "program", 50);
        string limited = Fault.Wrap("", $"prlimit --nofile=600:600 setpriv --bounding-set=-sys_resource {Bench.Program}");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}", program: limited);
        Assert.Contains("600", File.ReadAllText($"/proc/{daemon.GuardPid}/limits").Split("open files")[1].Split('\n')[0], StringComparison.Ordinal);
        Assert.Contains("the limit of 600 open files leaves room for 0 cached verdicts", daemon.Log, StringComparison.Ordinal);
        Shell.Signal("STOP", daemon.HostPid);

        Outcome opened = Waiters.Open(volume.Path, "program", programs.Length, 1500);

        Assert.Equal("1500 opened, 0 refused\n", opened.Output);
        Fault.RequireOnce(daemon, programs);
        Fault.RequireAgreement(tpm, daemon);
    }

    [Fact]
    public void Guard_with_too_few_descriptors_says_so_and_watches_nothing()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        string limited = Fault.Wrap("", $"prlimit --nofile=256:256 setpriv --bounding-set=-sys_resource {Bench.Program}");
        using var daemon = new Daemon(volume.Path, "--tpm none", program: limited);
        Shell.Until(() => daemon.Log.Contains("the limit of 256 open files", StringComparison.Ordinal), "it says so");

        using Running running = Shell.StartScript($"exec {program}");
        Shell.Until(() => running.HasExited, "who is watched is answered, who is not does not wait", seconds: 2);

        Assert.Equal(2, daemon.AwaitFailure());
    }

    static int CountMounts(string path) =>
        File.ReadLines("/proc/mounts").Count(line => line.Split(' ')[1] == path);
}
