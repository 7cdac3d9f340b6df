using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>The TPM hangs, goes away, comes back blank: no access is answered as if it had its entry.</summary>
[Trait("Kind", "faults")]
public sealed class TpmFaultTests
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

        Shell.Until(() => daemon.Log.Contains("the list or the TPM has a fault: ", StringComparison.Ordinal), "the fault is logged");
        Assert.Contains(outcome, daemon.Log, StringComparison.Ordinal);
        tpm.Thaw();
        Shell.Until(() => daemon.Log.Contains("the fault is over", StringComparison.Ordinal), "recovery");
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
}
