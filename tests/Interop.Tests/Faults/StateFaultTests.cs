using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>The state directory is full, read-only or gone.</summary>
[Trait("Kind", "faults")]
public sealed class StateFaultTests
{
    [Theory]
    [MemberData(nameof(Fault.Modes), MemberType = typeof(Fault))]
    public void Full_disk_is_a_fault_until_there_is_room_again(string mode, int status)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using var disk = new Volume();
        Shell.Must("mount", "-o", "remount,size=1m", disk.Path);
        string[] programs = Fault.AddLabelled(volume, "program", 60);

        // Longer than what may be left of the list's last page when the others no longer fit.
        string late = Fault.AddLabelled(volume, $"late{new string('e', 200)}", 1)[0];
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} {mode}", state: disk.Path);
        Assert.Equal(0, Shell.Script(programs[0]).Status);
        Shell.Script($"cat /dev/zero > {disk["filling"]}");

        // The last page of the list takes some more of them.
        Shell.Script($"cat {volume.Path}/program* > /dev/null");
        Shell.Until(() => daemon.Log.Contains("without a judgement", StringComparison.Ordinal), "some are not stored");

        Assert.Equal(status, Shell.Script(late, seconds: 2).Status);
        Assert.Equal(0, Shell.Script(programs[0], seconds: 2).Status);
        Shell.Until(() => daemon.Log.Contains("has a fault: write ", StringComparison.Ordinal), "the log says why");
        Assert.Contains("No space left on device (ENOSPC)", OnlyFault(daemon), StringComparison.Ordinal);
        Assert.Empty(daemon.Entries(late));
        Fault.RequireAgreement(tpm, daemon);

        File.Delete(disk["filling"]);
        Assert.All(programs.Append(late), program => Assert.Equal(0, Shell.Script(program).Status));
        Assert.Equal(0, daemon.Status().GetProperty("faults").GetArrayLength());
        Fault.RequireOnce(daemon, [.. programs, late]);
        Fault.RequireAgreement(tpm, daemon);
    }

    [Theory]
    [MemberData(nameof(Fault.Modes), MemberType = typeof(Fault))]
    public void Disk_that_became_read_only_is_a_fault(string mode, int status)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using var disk = new Volume("ext4");
        Shell.Must("mount", "-o", "remount,errors=remount-ro", disk.Path);
        string[] programs = Fault.AddLabelled(volume, "program", 3);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} {mode}", state: disk.Path);
        Assert.Equal(0, Shell.Script(programs[0]).Status);

        Shell.Must("mount", "-o", "remount,abort", disk.Path);

        Assert.Equal(status, Shell.Script(programs[1], seconds: 2).Status);
        Assert.Equal(status, Shell.Script(programs[2], seconds: 2).Status);
        Assert.Equal(0, Shell.Script(programs[0], seconds: 2).Status);
        Shell.Until(() => daemon.Log.Contains("has a fault: ", StringComparison.Ordinal), "the log says why");
        Assert.Contains("Read-only file system (EROFS)", OnlyFault(daemon), StringComparison.Ordinal);
        Assert.Empty(daemon.Entries(programs[1]));
        Fault.RequireOnce(daemon, programs[0]);
        Fault.RequireAgreement(tpm, daemon);
    }

    /// <summary>
    /// The host goes on with what it has open. Only the next one needs the directory: until it is there again no host
    /// comes up. What was removed is still in the host's hands, and can be taken from there while it is stopped.
    /// </summary>
    [Theory]
    [InlineData("rm -rf $state/*", "mkdir -p $list; cp saved $list/00000000.ima; ln -s lists/${list##*/} $state/current")]
    [InlineData("mv $state $state.moved", "rm -rf $state; mv $state.moved $state")]
    [InlineData("umount -l $state", "mount -o loop $image $state")]
    public void Directory_that_vanished_is_missed_by_the_next_host_only(string vanish, string restore)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using var disk = new Volume("ext4");
        string state = vanish.StartsWith("umount", StringComparison.Ordinal) ? disk.Path : Path.Combine(disk.Path, "state");
        string[] programs = Fault.AddLabelled(volume, "program", 4);
        using var daemon = new Daemon(
            volume.Path, $"--tpm {tpm.Transport} {Fault.Deadline(1000)}", state: state, fs: Bench.NewDirectory("ima"));
        daemon.AwaitReady();
        int host = daemon.HostPid;
        string names = $"cd {Bench.NewDirectory("saved")}; state={state}; image={disk.Image}; host={host}; set -e;";
        Assert.Equal(0, Shell.Script(programs[0]).Status);
        Shell.Must("sh", "-c", $"{names} {vanish}");

        Assert.Equal(0, Shell.Script(programs[1], seconds: 2).Status);
        Assert.NotEqual(0, Shell.Run(Bench.Program, "status", "--state", state).Status);
        Shell.Must("sh", "-c",
            $"{names} kill -STOP $host; for f in /proc/$host/fd/*; do case $(readlink $f) in *.ima*) cp $f saved ;; esac; done; kill -KILL $host");

        Shell.Until(() => daemon.Log.Contains("no host comes up", StringComparison.Ordinal), "the log says so");
        Assert.Equal(0, Shell.Script(programs[2], seconds: 4).Status);

        Shell.Must("sh", "-c",
            $"{names} list=$state/lists/$(cat /proc/sys/kernel/random/boot_id); {restore}");
        Shell.Until(() => daemon.Log.Contains("took over", StringComparison.Ordinal), "a host comes up");
        Assert.Equal(0, Shell.Script(programs[3]).Status);
        Fault.RequireOnce(daemon, programs[0], programs[1], programs[3]);
        Assert.InRange(daemon.CountViolations(programs[2]), 1, 2);
        Fault.RequireAgreement(tpm, daemon, "--ignore-violations");
    }

    [Fact]
    public void List_whose_middle_is_damaged_is_not_written_on_and_goes_on_when_it_is_mended()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string state = Bench.NewDirectory("state");
        string options = $"--tpm {tpm.Transport} --config {Bench.NewFile("imahost.yaml", "log: {segment_entries: 3}\n")}";
        string[] programs = Fault.AddLabelled(volume, "program", 9);
        using (Daemon daemon = Daemon.Ready(volume.Path, options, state: state))
        {
            Assert.All(programs, program => Assert.Equal(0, Shell.Script(program).Status));
            Assert.Equal(0, daemon.Stop());
        }

        string manifest = Path.Combine(state, "current", "00000001.json");
        byte[] sound = File.ReadAllBytes(manifest);
        File.WriteAllText(manifest, "{}\n");
        string before = Shell.Must("sh", "-c", $"cd {state}/current && sha256sum *.ima *.json *.sha256");

        using (var refused = new Daemon(volume.Path, options, state: state))
        {
            Assert.Equal(2, refused.AwaitFailure());
            Assert.Contains("/00000001.json: this is no manifest: ", refused.Log, StringComparison.Ordinal);
            Assert.Contains("Nothing was changed: bring the file back from a copy", refused.Log, StringComparison.Ordinal);
        }

        Assert.Equal(before, Shell.Must("sh", "-c", $"cd {state}/current && sha256sum *.ima *.json *.sha256"));
        Assert.Equal(0, Shell.Script(programs[0], seconds: 2).Status);
        Outcome verified = Shell.Run(Bench.Program, "segments", "verify", "--state", state);
        Assert.Equal(1, verified.Status);
        Assert.Contains("00000001.json: this is no manifest: ", verified.Output, StringComparison.Ordinal);

        File.WriteAllBytes(manifest, sound);
        using Daemon again = Daemon.Ready(volume.Path, options, state: state);
        Fault.RequireAgreement(tpm, again);
        Assert.Equal(0, Shell.Run(Bench.Program, "segments", "verify", "--state", state).Status);
    }

    /// <summary>The one fault in the status, for as long as nobody was stored: it is not gone at the next look.</summary>
    static string OnlyFault(Daemon daemon)
    {
        Thread.Sleep(1200);
        return Assert.Single(daemon.Status().GetProperty("faults").EnumerateArray()).GetString()!;
    }
}
