using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>The disk that a watched filesystem is on hangs, or the filesystem goes away while it is read.</summary>
[Trait("Kind", "faults")]
public sealed class DiskFaultTests
{
    const int Deadline = 2000;

    [Theory]
    [InlineData("", true)]
    [InlineData("--appraise enforce", false)]
    public async Task File_on_a_disk_that_hangs_gets_the_deadline_and_others_go_on(string mode, bool opens)
    {
        using var tpm = new Emulator();
        using var disk = new SlowDisk(volume => Fill(volume, cold: 1, warm: 10));
        Warm(disk, cold: 1, warm: 10);
        using Daemon daemon = Daemon.Ready(disk.Path, $"--tpm {tpm.Transport} {mode} {Fault.Deadline(Deadline)}");
        using var opener = new Actor();
        disk.Hang();
        Task<string> opened = Task.Run(() => opener.Ask($"os.open('{disk["cold0"]}', os.O_RDONLY) >= 0"));
        Shell.Until(() => Fault.IsHeld(opener.Pid), "it waits");

        for (int i = 0; i < 10; i++)
        {
            long begun = Environment.TickCount64;
            Assert.Equal(0, Shell.Script(disk[Name("warm", i)], seconds: 1).Status);
            Assert.True(Environment.TickCount64 - begun < 1000);
        }

        Assert.Equal(opens ? "True" : Kernel.Refusal, await opened);
        Assert.InRange(opener.Took, Deadline - 100, Deadline + 1000);
        Shell.Until(() => daemon.Log.Contains("its deadline passed", StringComparison.Ordinal), "the log says so");
        Assert.Equal(opens ? 1 : 0, daemon.CountViolations(disk["cold0"]));
        Assert.Equal(1ul, daemon.Status().GetProperty("accesses").GetProperty("deadlines").GetUInt64());

        disk.GoOn();
        Shell.Until(() => daemon.Entries(disk["cold0"]).Length == (opens ? 2 : 1), "its digest follows");
        Fault.RequireOnce(daemon, [disk["cold0"], .. Enumerable.Range(0, 10).Select(i => disk[Name("warm", i)])]);
        Fault.RequireAgreement(tpm, daemon, "--ignore-violations");
        Assert.Equal(0, Shell.Script(disk["cold0"]).Status);
    }

    [Fact]
    public async Task Second_one_who_opens_a_file_on_a_disk_that_hangs_gets_the_deadline_too()
    {
        using var disk = new SlowDisk(volume => Fill(volume, cold: 1, warm: 0));
        Warm(disk, cold: 1, warm: 0);
        disk.WarmHead("cold0");
        using Daemon daemon = Daemon.Ready(disk.Path, $"--tpm none {Fault.Deadline(Deadline)}");
        using var first = new Actor();
        using var second = new Actor();
        disk.Hang();
        string question = $"os.open('{disk["cold0"]}', os.O_RDONLY) >= 0";
        Task<string> opened = Task.Run(() => first.Ask(question));
        Shell.Until(() => Fault.IsHeld(first.Pid), "it waits");

        Assert.Equal("True", second.Ask(question));

        Assert.InRange(second.Took, 0, Deadline + 1000);
        Assert.Equal("True", await opened);
        Assert.InRange(first.Took, 0, Deadline + 1000);
    }

    [Fact]
    public void Six_files_on_a_disk_that_hangs_do_not_keep_others_from_being_judged()
    {
        const int cold = 6;
        const int warm = 5;
        using var tpm = new Emulator();
        using var disk = new SlowDisk(volume => Fill(volume, cold, warm));
        Warm(disk, cold, warm);
        using Daemon daemon = Daemon.Ready(
            disk.Path, $"--tpm {tpm.Transport} --appraise enforce {Fault.Deadline(Deadline)}");
        disk.Hang();
        using Running waiters = Waiters.Start(disk.Path, "cold", cold, cold);
        Shell.Until(() => daemon.Status().GetProperty("accesses").GetProperty("held").GetUInt64() == cold, "they wait");

        for (int i = 0; i < warm; i++)
        {
            long begun = Environment.TickCount64;
            Assert.Equal(0, Shell.Script(disk[Name("warm", i)], seconds: 5).Status);
            Assert.InRange(Environment.TickCount64 - begun, 0, Deadline);
        }

        Outcome waited = waiters.Wait();
        Assert.Equal("0 opened, 6 refused\n", waited.Output);
        Assert.InRange(int.Parse(waited.Errors, CultureInfo.InvariantCulture), 0, Deadline + 1000);
        disk.GoOn();
        Assert.Equal("6 opened, 0 refused\n", Waiters.Open(disk.Path, "cold", cold, cold).Output);
        Fault.RequireOnce(daemon, [.. Names(disk, "cold", cold), .. Names(disk, "warm", warm)]);
        Fault.RequireAgreement(tpm, daemon);
    }

    [Fact]
    public void Filesystem_unmounted_while_a_file_is_hashed_is_let_go()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("xfs");
        using var other = new Volume();
        string huge = volume.AddProgram("huge");
        Shell.Must("truncate", "-s", "4T", huge);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--watch {other.Path} --tpm {tpm.Transport}");
        using Running reader = Shell.StartScript($"exec cat {huge} > /dev/null");
        Shell.Until(() => Fault.IsHeld(reader.Pid), "it is hashed");

        Outcome busy = Shell.Run("umount", volume.Path);
        Assert.Contains("busy", busy.Errors, StringComparison.Ordinal);
        Shell.Must("umount", "-l", volume.Path);

        string program = other.AddProgram("program");
        Assert.Equal(0, Shell.Script(program, seconds: 2).Status);
        Assert.False(reader.HasExited);
        Shell.Signal("KILL", reader.Pid);
        Assert.Equal(137, reader.Wait(1).Status);
        Shell.Until(() => !Shell.Must("losetup", "--list").Contains(volume.Image!, StringComparison.Ordinal), "nobody holds it");
        Fault.RequireOnce(daemon, program);
        Fault.RequireAgreement(tpm, daemon);
        Assert.Equal(1ul, daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
    }

    static string Name(string kind, int number) => string.Create(CultureInfo.InvariantCulture, $"{kind}{number}");

    static string[] Names(SlowDisk disk, string kind, int count) =>
        [.. Enumerable.Range(0, count).Select(i => disk[Name(kind, i)])];

    static void Fill(Volume volume, int cold, int warm)
    {
        _ = cold > 0 ? Fault.AddLabelled(volume, "cold", cold) : [];
        _ = warm > 0 ? Fault.AddLabelled(volume, "warm", warm) : [];
    }

    static void Warm(SlowDisk disk, int cold, int warm)
    {
        for (int i = 0; i < cold + warm; i++)
        {
            disk.Warm(i < cold ? Name("cold", i) : Name("warm", i - cold), content: i >= cold);
        }
    }
}
