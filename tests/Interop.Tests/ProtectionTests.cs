using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What guard and host have given up, and that they still do all they have to.</summary>
public sealed class ProtectionTests
{
    /// <summary>Numbers of linux/capability.h.</summary>
    const int DacOverride = 1, DacReadSearch = 2, SetPcap = 8, IpcLock = 14, SysPtrace = 19, SysAdmin = 21, Lease = 28, CheckpointRestore = 40, SysNice = 23;

    const int Nobody = 65534;
    static readonly ulong Host = Set(DacOverride, DacReadSearch, SysPtrace, IpcLock, SysNice, CheckpointRestore);
    static readonly ulong Guard = Set(SysAdmin, Lease, DacReadSearch, IpcLock, SysNice, SetPcap);

    [Theory]
    [InlineData("", false)]
    [InlineData("--appraise fix", true)]
    public void Capabilities_are_those_that_are_needed(string options, bool labels)
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none {options}");
        ulong host = labels ? Host | Set(SysAdmin) : Host;
        AssertCapabilities(daemon.GuardPid, Guard, Guard | host);
        AssertCapabilities(daemon.HostPid, host, host);

        // Those of a host that follows another are the same.
        daemon.KillHost();
        string program = volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program).Status);
        AssertCapabilities(daemon.HostPid, host, host);
    }

    [Fact]
    public void Host_that_labels_does()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise fix");
        string program = volume.AddProgram("program");
        Shell.Must("chown", $"{Nobody}", program);
        Shell.Must("chmod", "700", program);
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.Contains("security.ima", Shell.Must("getfattr", "-d", "-m", "security.ima", program), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_are_filtered_and_gain_no_privileges()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        foreach ((int pid, string filters) in new[] { (daemon.GuardPid, "1"), (daemon.HostPid, "2") })
        {
            Assert.Equal("1", Status(pid, "NoNewPrivs"));
            Assert.Equal("2", Status(pid, "Seccomp"));
            Assert.Equal(filters, Status(pid, "Seccomp_filters"));
        }

        Assert.DoesNotContain("going on without", daemon.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("refuses to forbid dumps", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Neither_leaves_an_image_of_its_memory()
    {
        // What belongs to a process that may not be dumped is given to root's group in /proc, whatever its own is.
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(
            volume.Path, "--tpm none", program: $"setpriv --regid={Nobody} --clear-groups {Bench.Program}");
        foreach (int pid in new[] { daemon.GuardPid, daemon.HostPid })
        {
            Assert.Equal($"{Nobody}", Status(pid, "Gid").Split('\t')[0]);
            Assert.Equal("0", Shell.Must("stat", "-c", "%g", $"/proc/{pid}/environ").Trim());
            string limits = File.ReadAllText($"/proc/{pid}/limits");
            Assert.Matches(@"Max core file size +0 +0 +bytes", limits);
        }
    }

    [Fact]
    public void Host_is_spared_after_the_guard()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        bool mayAsk = Shell.Script("echo -1000 > /proc/self/oom_score_adj").Status == 0;
        Assert.SkipUnless(mayAsk, "this machine lacks CAP_SYS_RESOURCE, without which nobody is spared");
        Assert.Equal("-1000\n", File.ReadAllText($"/proc/{daemon.GuardPid}/oom_score_adj"));
        Assert.Equal("-900\n", File.ReadAllText($"/proc/{daemon.HostPid}/oom_score_adj"));
    }

    /// <summary>Leases, marks, and watches of attributes each want a capability for what belongs to others.</summary>
    [Theory]
    [InlineData("tmpfs")]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public void Private_files_of_others_are_kept_and_followed(string kind)
    {
        using var volume = new Volume(kind);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string home = volume["home"];
        Directory.CreateDirectory(home);
        string program = volume.AddProgram("home/program");
        Shell.Must("sh", "-c", $"echo data > {home}/data");
        Shell.Must("chmod", "600", $"{home}/data");
        Shell.Must("chmod", "700", program, home);
        Shell.Must("chown", "-R", $"{Nobody}:{Nobody}", home);
        string run = $"setpriv --reuid={Nobody} --regid={Nobody} --clear-groups sh -c '{program}; cat {home}/data'";
        Assert.Equal(0, Shell.Script(run).Status);
        Assert.NotEmpty(daemon.Entries(program));
        Assert.Equal(1ul, Count(daemon, "cached"));
        Assert.Equal(0ul, Count(daemon, "unleasable"));

        ulong events = Count(daemon, "events");
        Assert.Equal(0, Shell.Script(run).Status);
        Assert.Equal(events, Count(daemon, "events"));

        Shell.Must("chmod", "711", program);
        Shell.Until(() => Count(daemon, "cached") == 0, "the change of mode ends the verdict");
        Assert.Equal(0, Shell.Script(run).Status);
        Assert.Equal(1ul, Count(daemon, "cached"));
        ulong breaks = Count(daemon, "lease_breaks");
        Volume.Change(program);
        Assert.True(Count(daemon, "lease_breaks") > breaks, daemon.Log);
        Assert.Equal(0, Shell.Script(run).Status);
        Assert.Equal(2, daemon.Entries(program).Length);
    }

    /// <summary>The kernel forgets that at an exec that gains capabilities.</summary>
    [Fact]
    public void Host_ends_with_its_guard()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        int host = daemon.HostPid;

        // Stopped, it cannot end because the guard hung up.
        Shell.Signal("STOP", host);
        daemon.Kill();
        try
        {
            Shell.Until(() => !Directory.Exists($"/proc/{host}") || Status(host, "State").StartsWith('Z'), "the host ends too");
        }
        finally
        {
            Shell.Run("kill", "-KILL", $"{host}");
        }
    }

    static void AssertCapabilities(int pid, ulong effective, ulong permitted)
    {
        ulong offered = Capabilities(1, "CapBnd");
        Assert.Equal(effective & offered, Capabilities(pid, "CapEff"));
        Assert.Equal(permitted & offered, Capabilities(pid, "CapPrm"));
        Assert.Equal(permitted & offered, Capabilities(pid, "CapBnd"));
        Assert.Equal(0ul, Capabilities(pid, "CapInh"));
        Assert.Equal(0ul, Capabilities(pid, "CapAmb"));
    }

    static ulong Capabilities(int pid, string set) =>
        ulong.Parse(Status(pid, set), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    static string Status(int pid, string key) =>
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith($"{key}:", StringComparison.Ordinal))[(key.Length + 1)..].Trim();

    static ulong Count(Daemon daemon, string what) => daemon.Status().GetProperty("accesses").GetProperty(what).GetUInt64();

    static ulong Set(params int[] capabilities) =>
        capabilities.Aggregate(0ul, (set, capability) => set | (1ul << capability));
}
