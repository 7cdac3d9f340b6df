using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Too many at once, too little memory, nobody who reads the log.</summary>
[Trait("Kind", "faults")]
public sealed class PressureFaultTests
{
    /// <summary>
    /// At each answer the kernel wakes all who wait. They must not come before guard and host on the processors, or so
    /// many answers take minutes: the service runs with a real-time priority.
    /// </summary>
    [Theory]
    [InlineData("host")]
    [InlineData("TPM")]
    public void Ten_thousand_waiters_are_answered_each(string stopped)
    {
        const int threads = 10_000;
        using var tpm = new Emulator();
        using var volume = new Volume();
        string[] programs = Fault.AddLabelled(volume, "program", 100);
        using Daemon daemon = Daemon.Ready(
            volume.Path, $"--tpm {tpm.Transport} --appraise enforce");
        if (stopped == "host")
        {
            Shell.Signal("STOP", daemon.HostPid);
        }
        else
        {
            tpm.Freeze();
        }

        using Running waiters = Waiters.Start(volume.Path, "program", programs.Length, threads);
        if (stopped == "TPM")
        {
            Shell.Until(() => daemon.Status().GetProperty("accesses").GetProperty("held").GetUInt64() > threads - 100, "they wait");
            tpm.Thaw();
        }

        Outcome waited = waiters.Wait(20);
        Assert.Equal($"{threads} opened, 0 refused\n", waited.Output);
        Assert.InRange(int.Parse(waited.Errors, CultureInfo.InvariantCulture), 0, 12_000);
        Assert.Equal(0ul, daemon.Status().GetProperty("accesses").GetProperty("deadlines").GetUInt64());
        Fault.RequireOnce(daemon, programs);
        Fault.RequireAgreement(tpm, daemon);
    }

    [Fact]
    public void Log_that_nobody_reads_holds_nobody_up()
    {
        using var volume = new Volume();
        string pipe = Path.Combine(Bench.NewDirectory("log"), "pipe");
        Shell.Must("mkfifo", pipe);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --appraise enforce 2<> {pipe}", tells: false);
        Shell.Must("sh", "-c", $"dd if=/dev/zero of={pipe} bs=4096 oflag=nonblock status=none 2> /dev/null; true");
        string[] denied = [.. Enumerable.Range(0, 300).Select(i => volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"denied{i}")))];
        Waiters.Open(volume.Path, "denied", denied.Length, 1);

        Outcome opened = Waiters.Open(volume.Path, "denied", denied.Length, 2_000, seconds: 10);

        Assert.Equal("0 opened, 2000 refused\n", opened.Output);
        Shell.Must(Bench.Program, "label", denied[0]);
        Assert.Equal(0, Shell.Script(denied[0], seconds: 1).Status);
        Fault.RequireOnce(daemon, denied);
        daemon.KillHost();
        Assert.Equal(126, Shell.Script(denied[1], seconds: 3).Status);
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Memory_of_64_MB_is_enough()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        using var group = new MemoryGroup(64 << 20);
        string[] programs = Fault.AddLabelled(volume, "program", 200);
        string large = volume.AddProgram("large");
        Shell.Must("truncate", "-s", "200M", large);
        using Daemon daemon = Daemon.Ready(
            volume.Path, $"--tpm {tpm.Transport}", program: Fault.Wrap($"echo $$ > {group.Processes};", Bench.Program));
        Shell.Must("sh", "-c", "sync; echo 1 > /proc/sys/vm/drop_caches");

        Assert.Equal($"{programs.Length * 10} opened, 0 refused\n", Waiters.Open(volume.Path, "program", programs.Length, programs.Length * 10).Output);
        Assert.Equal(0, Shell.Script($"cat {large} > /dev/null").Status);

        Assert.InRange(group.Most, 1, 64 << 20);
        Assert.Equal(1ul, daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
        Assert.Equal(0ul, daemon.Status().GetProperty("accesses").GetProperty("deadlines").GetUInt64());
        Fault.RequireOnce(daemon, [.. programs, large]);
        Fault.RequireAgreement(tpm, daemon);
    }
}
