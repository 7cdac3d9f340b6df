using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Who holds what must be the guard's alone is told of.</summary>
public sealed class SelfCheckTests
{
    const int FanotifyInit = 300; // x86-64
    const int PidfdOpen = 434;
    const int PidfdGetfd = 438;

    [Fact]
    public void Process_that_holds_the_guards_group_is_a_fault_as_long_as_it_lives()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        using var other = new Actor();
        Assert.NotEqual("-1", Call(other, $"{FanotifyInit}, 0, 0"));
        Assert.Empty(Faults(daemon));

        using (var holder = new Actor())
        {
            string process = Call(holder, $"{PidfdOpen}, {daemon.GuardPid}, 0");
            Assert.NotEqual("-1", Call(holder, $"{PidfdGetfd}, {process}, {GroupOf(daemon.GuardPid)}, 0"));

            string fault = Assert.Single(Faults(daemon));
            string said = $"\"python3\" (pid {holder.Pid}) holds the guard's fanotify group: if the guard dies, everything waits for it";
            Assert.Equal(said, fault);
            Shell.Until(() => daemon.Log.Contains(said, StringComparison.Ordinal), "it is logged");
            Assert.Single(Faults(daemon));
            Assert.Equal(2, daemon.Log.Split(said).Length);
        }

        Assert.Empty(Faults(daemon));
    }

    [Fact]
    public void Next_host_finds_it_without_being_asked()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        using var holder = new Actor();
        string process = Call(holder, $"{PidfdOpen}, {daemon.GuardPid}, 0");
        Assert.NotEqual("-1", Call(holder, $"{PidfdGetfd}, {process}, {GroupOf(daemon.GuardPid)}, 0"));

        daemon.KillHost();
        Shell.Until(() => daemon.Log.Contains($"(pid {holder.Pid}) holds the guard's", StringComparison.Ordinal), "it is logged");
    }

    /// <returns>What a bare system call gives.</returns>
    static string Call(Actor actor, string arguments) => actor.Ask($"__import__('ctypes').CDLL(None).syscall({arguments})");

    static string[] Faults(Daemon daemon) =>
        [.. daemon.Status().GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()!)];

    static int GroupOf(int guard) => int.Parse(
        Directory.GetFiles($"/proc/{guard}/fd")
            .First(path => new FileInfo(path).LinkTarget == "anon_inode:[fanotify]").Split('/')[^1],
        CultureInfo.InvariantCulture);
}
