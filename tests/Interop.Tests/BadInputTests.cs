using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What is wrong is said, with its place; the machine and the list stay whole.</summary>
public sealed class BadInputTests
{
    const int Usage = 2;

    [Fact]
    public void Missing_path_is_refused()
    {
        using var daemon = new Daemon("/nowhere/at/all", "--tpm none");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains("cannot watch /nowhere/at/all: there is no such file", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Own_directory_is_not_watched()
    {
        string fs = Bench.NewDirectory("fs");
        foreach (string path in (string[])[fs, Path.Combine(fs, "below")])
        {
            Directory.CreateDirectory(path);
            using var daemon = new Daemon(path, "--tpm none", fs: fs);
            Assert.Equal(Usage, daemon.AwaitFailure());
            Assert.Contains($"cannot watch {path}: it is where the list is published", daemon.Log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Filesystem_without_permission_events_is_refused()
    {
        using var daemon = new Daemon("/proc", "--tpm none");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains("cannot watch /proc: this filesystem has no permission events", daemon.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(daemon.Fs, File.ReadAllText("/proc/mounts"), StringComparison.Ordinal);
    }

    [Fact]
    public void Filesystem_that_a_server_answers_for_is_refused()
    {
        using var volume = new Volume();
        using Daemon other = Daemon.Ready(volume.Path, "--tpm none");
        using var daemon = new Daemon(other.Fs, "--tpm none");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains(
            $"cannot watch {other.Fs}: {other.Fs} is fuse.imahost: a server answers for it, and could stop the guard",
            daemon.Log, StringComparison.Ordinal);
        using var types = new Daemon("type:fuse", "--tpm none");
        Assert.Equal(Usage, types.AwaitFailure());
        Assert.Contains("\"type:fuse\" cannot be watched: a server answers for it", types.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Server_that_never_answers_is_not_waited_for()
    {
        using var bench = new MountBench();
        using var place = new MountPlace(bench.Root, "fuse.stuck");
        using Running server = place.MountWithoutServer();
        Shell.Until(() => File.ReadAllText("/proc/self/mounts").Contains(place.Path, StringComparison.Ordinal), "it is mounted");
        using var daemon = new Daemon(place.Path, "--tpm none");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains($"{place.Path} is fuse.stuck: a server answers for it", daemon.Log, StringComparison.Ordinal);
        Shell.Signal("KILL", server.Pid);
    }

    [Fact]
    public void Mount_namespace_of_its_own_is_refused()
    {
        using var volume = new Volume();
        using var daemon = new Daemon(volume.Path, "--tpm none", program: $"unshare --mount {Bench.Program}");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains("this is a mount namespace of its own: nobody else would see the list at", daemon.Log, StringComparison.Ordinal);
        Assert.Contains("PrivateTmp=", daemon.Log, StringComparison.Ordinal);
        Assert.False(Directory.Exists(daemon.Fs));
    }

    [Fact]
    public void Lack_of_CAP_SYS_ADMIN_is_said()
    {
        using var volume = new Volume();
        Outcome root = Shell.Script(
            $"setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin {Bench.Program} daemon --watch {volume.Path} "
            + $"--tpm none --state {Bench.NewDirectory("state")} --fs {Bench.NewDirectory("fs")}");
        Assert.Equal(Usage, root.Status);
        Assert.Contains("CAP_SYS_ADMIN", root.Errors, StringComparison.Ordinal);

        Outcome user = Shell.Script(
            $"setpriv --reuid=65534 --clear-groups {Bench.Program} daemon --watch {volume.Path} --tpm none");
        Assert.Equal(Usage, user.Status);
        Assert.Contains("needs root", user.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("swtpm:path=/nowhere/sock", "swtpm:path=/nowhere/sock")]
    [InlineData("swtpm:host=127.0.0.1,port=1", "Connection refused")]
    [InlineData("device:/dev/null", "/dev/null")]
    [InlineData("device:/dev/nowhere", "open /dev/nowhere: No such file or directory (ENOENT)")]
    [InlineData("magic", "--tpm does not understand \"magic\"")]
    [InlineData("swtpm:port=70000", "path=SOCKET or host=H,port=P")]
    public void TPM_that_is_not_there_is_refused(string tpm, string said)
    {
        using var volume = new Volume();
        using var daemon = new Daemon(volume.Path, $"--tpm {tpm}");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains(said, daemon.Log, StringComparison.Ordinal);
        Assert.Equal(0, Shell.Script(volume.AddProgram("program")).Status);
    }

    [Fact]
    public void TPM_that_never_answers_is_refused_in_time()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        tpm.Freeze();
        using var daemon = new Daemon(volume.Path, $"--tpm {tpm.Transport}");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains("did not answer within 3000 ms", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void TPM_that_refuses_the_PCR_is_a_fault_that_is_named()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string config = Path.Combine(Bench.NewDirectory("config"), "imahost.yaml");
        File.WriteAllText(config, "pcr: 20\n");
        using var daemon = new Daemon(volume.Path, $"--tpm {tpm.Transport} --config {config}");

        // PCR 20 is extended from locality 1 to 3 only (PC Client Platform TPM Profile, 4.6.2).
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains("the TPM refused TPM2_PCR_Extend: TPM_RC_LOCALITY (0x907)", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void PCR_that_somebody_extended_before_is_refused_with_the_way_out()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        Shell.Must("tpm2_pcrextend", "-T", tpm.Transport, $"10:sha256={new string('a', 64)}");
        using var daemon = new Daemon(volume.Path, $"--tpm {tpm.Transport}");
        Assert.Equal(Usage, daemon.AwaitFailure());
        Assert.Contains("Configure another PCR", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_option_and_wrong_configuration_are_refused_with_their_place()
    {
        using var volume = new Volume();
        string config = Path.Combine(Bench.NewDirectory("config"), "imahost.yaml");
        File.WriteAllText(config, "watch: /\nappriase: enforce\n");
        Outcome key = Shell.Run(Bench.Program, "daemon", "--config", config);
        Assert.Equal(Usage, key.Status);
        Assert.Contains($"{config}:2:1: unknown key \"appriase\"; the nearest known one is \"appraise\"", key.Errors, StringComparison.Ordinal);

        Outcome mode = Shell.Run(Bench.Program, "daemon", "--watch", volume.Path, "--appraise", "hard");
        Assert.Equal(Usage, mode.Status);
        Assert.Contains("--appraise takes off, log, fix or enforce, not \"hard\"", mode.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_policy_never_means_none_but_the_last_good_one_or_else_exec()
    {
        using var volume = new Volume();
        string state = Bench.NewDirectory("state");
        string policy = Bench.NewFile("rules", "measure func=BPRM_CHECK\nmeasure fnc=MMAP_CHECK\n");
        string cause = $"{policy}:2:9: \"fnc\" is not a condition; the nearest known one is \"func\"";
        using (Daemon first = StartDespite(volume, policy, state, $"but the built-in exec: {cause}"))
        {
            Assert.Equal(4, File.ReadAllLines(first.PolicyFile).Length);
            string program = volume.AddProgram("program");
            Shell.Script(program);
            Assert.Single(first.Entries(program));
            Assert.Equal(0, first.Stop());
        }

        const string good = "measure func=BPRM_CHECK\n";
        File.WriteAllText(policy, good);
        using (Daemon second = Daemon.Ready(volume.Path, $"--tpm none --policy {policy}", state: state))
        {
            Assert.Equal(good, File.ReadAllText(second.PolicyFile));
            Assert.Equal(0, second.Status().GetProperty("faults").GetArrayLength());
            Assert.Equal(0, second.Stop());
        }

        File.WriteAllText(policy, "measure func=BPRM_CHECK\nmeasure fnc=MMAP_CHECK\n");
        using (Daemon third = StartDespite(volume, policy, state, $"but the last good one: {cause}"))
        {
            Assert.Equal(good, File.ReadAllText(third.PolicyFile));

            // The fault is the policy's: the next host shows it as well, until a good one is in force.
            int killed = third.HostPid;
            third.KillHost();
            Shell.Until(() => third.HostPid is var next && next != 0 && next != killed, "another host");
            Shell.Until(() => Shell.Run(Bench.Program, "status", "--state", state).Status == 0, "it answers");
            Assert.Contains(cause, FaultOf(third), StringComparison.Ordinal);
            File.WriteAllText(policy, good);
            Shell.Must(Bench.Program, "policy", "load", "--state", state);
            Assert.Equal("", FaultOf(third));
        }
    }

    static Daemon StartDespite(Volume volume, string policy, string state, string said)
    {
        Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {policy}", state: state);
        Assert.Contains($"imahost: the configured policy is not in force, {said}", daemon.Log, StringComparison.Ordinal);
        Assert.EndsWith(said, FaultOf(daemon), StringComparison.Ordinal);
        return daemon;
    }

    /// <summary>What `status` says is wrong with the policy, in both its places.</summary>
    static string FaultOf(Daemon daemon)
    {
        System.Text.Json.JsonElement status = daemon.Status();
        string? fault = status.GetProperty("policy").GetProperty("fault").GetString();
        string[] faults = [.. status.GetProperty("faults").EnumerateArray().Select(one => one.GetString()!)];
        Assert.Equal(fault == null ? [] : [fault], faults);
        return fault ?? "";
    }

    [Fact]
    public void Second_host_on_the_same_state_or_directory_is_refused()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        using var sameState = new Daemon(volume.Path, "--tpm none", state: daemon.State, fs: Bench.NewDirectory("fs"));
        Assert.Equal(Usage, sameState.AwaitFailure());
        Assert.Contains("another imahost uses", sameState.Log, StringComparison.Ordinal);

        using var sameFs = new Daemon(volume.Path, "--tpm none", fs: daemon.Fs);
        Assert.Equal(Usage, sameFs.AwaitFailure());
        Assert.Contains("another imahost publishes there", sameFs.Log, StringComparison.Ordinal);
        Assert.NotEmpty(File.ReadAllText(daemon.AsciiList));
    }

    [Fact]
    public void Unreadable_file_is_a_violation_that_names_the_error()
    {
        using var volume = new Volume("ext4");
        string broken = volume["broken"];
        using (FileStream file = File.Create(broken))
        {
            file.Write("\u007fELF"u8);
            file.Write(new byte[64 << 20]);
        }

        string good = volume.AddProgram("good");
        Shell.Must("chmod", "755", broken);
        Shell.Must("sync");
        string first = Shell.Script($"filefrag -b512 -e {broken} | awk '$1 == \"0:\" {{ print $4 }}'").Output.TrimEnd('.', '\n');
        long damaged = (long.Parse(first, CultureInfo.InvariantCulture) * 512) + (32 << 20);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");

        // The disk's end is cut off under the mounted filesystem: reads beyond it are I/O errors.
        Shell.Must("sh", "-c", $"echo 3 > /proc/sys/vm/drop_caches; truncate -s {damaged} {volume.Image}; losetup -c $(losetup -j {volume.Image} -O NAME -n)");
        Shell.Run("cat", broken);

        string[] entries = daemon.Entries(broken);
        Assert.Contains("10 0000000000000000000000000000000000000000 ", Assert.Single(entries), StringComparison.Ordinal);
        Assert.Contains("it cannot be read: Input/output error (EIO)", daemon.Log, StringComparison.Ordinal);
        Assert.NotEqual(0, daemon.HostPid);
        _ = good;
    }

    [Fact]
    public void File_that_shrinks_while_it_is_hashed_gets_a_defined_entry()
    {
        using var volume = new Volume("ext4");
        string policy = Path.Combine(Bench.NewDirectory("policy"), "reads");
        File.WriteAllText(policy, "measure func=FILE_CHECK\n");
        string shrinking = volume["shrinking"];
        using FileStream writer = File.Create(shrinking);
        writer.Write(new byte[200 << 20]);
        writer.Flush();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {policy}");

        using Running reader = Shell.StartScript($"exec head -c 1 {shrinking}");
        Thread.Sleep(30);
        writer.SetLength(1000);

        Assert.Equal(0, reader.Wait().Status);
        string[] entries = daemon.Entries(shrinking);
        Assert.Equal(2, entries.Length);
        Assert.Contains("10 0000000000000000000000000000000000000000 ", entries[0], StringComparison.Ordinal);
        Assert.Contains("cause=open_writers", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Five_GiB_sparse_program_is_hashed_in_the_time_it_takes()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("sparse");
        Shell.Must("truncate", "-s", "5G", program);
        string config = Path.Combine(Bench.NewDirectory("config"), "imahost.yaml");
        File.WriteAllText(config, "deadline: 1500\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --config {config}");

        Outcome ran = Shell.Script($"{program} done", seconds: 100);

        Assert.Equal("done\n", ran.Output);
        string digest = Shell.Script($"openssl dgst -sha256 -r {program}", seconds: 100).Output[..64];
        Assert.Contains($"sha256:{digest} ", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
        Assert.Equal(0ul, daemon.Status().GetProperty("accesses").GetProperty("deadlines").GetUInt64());
    }

    [Fact]
    public void Special_files_are_left_alone()
    {
        using var volume = new Volume();
        string policy = Path.Combine(Bench.NewDirectory("policy"), "reads");
        File.WriteAllText(policy, "measure func=FILE_CHECK\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {policy}");
        Shell.Must("mkfifo", volume["fifo"]);
        Shell.Must("mknod", volume["null"], "c", "1", "3");
        Shell.Must("mkdir", volume["directory"]);

        Outcome fifo = Shell.Script($"echo through > {volume["fifo"]} & cat {volume["fifo"]}", seconds: 5);
        Assert.Equal("through\n", fifo.Output);
        Assert.Equal(0, Shell.Script($"cat {volume["null"]}; ls {volume["directory"]}", seconds: 5).Status);
        const string socket =
            "import socket,sys; a=socket.socket(socket.AF_UNIX); a.bind(sys.argv[1]); a.listen(); "
            + "b=socket.socket(socket.AF_UNIX); b.connect(sys.argv[1]); print('connected')";
        Assert.Equal("connected\n", Shell.Must("python3", "-c", socket, volume["socket"]));
        Assert.Empty(daemon.Entries(volume.Path));
    }

    [Fact]
    public void Unlinked_program_keeps_its_name()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("gone");
        const string run =
            "import os,sys; f=os.open(sys.argv[1],os.O_RDONLY|os.O_CLOEXEC); os.unlink(sys.argv[1]); "
            + "os.execve(f, ['gone','ran'], {})";

        Assert.Equal("ran\n", Shell.Must("python3", "-c", run, program));
        Assert.EndsWith($" {program} ", Assert.Single(daemon.Entries(program)), StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_name_is_one_line_that_replays()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string program = volume.AddProgram("plain");
        string odd = $"$(printf '{volume.Path}/a b\\nc\\033\\377d')";
        Assert.Equal(0, Shell.Script($"mv {program} \"{odd}\" && \"{odd}\"").Status);

        string entry = Assert.Single(daemon.Entries($"{volume.Path}/a"));
        Assert.EndsWith($" {volume.Path}/a_b\\x0ac\\x1b\\xffd ", entry, StringComparison.Ordinal);
        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
    }

    [Fact]
    public void Program_open_for_writing_is_busy_as_the_kernel_says()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        using FileStream writer = File.OpenWrite(program);

        Assert.Contains("Text file busy", Shell.Script(program).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Full_disk_under_the_list_is_a_fault_and_the_host_goes_on()
    {
        using var volume = new Volume();
        using var tiny = new Volume();
        Shell.Must("mount", "-o", "remount,size=256k", tiny.Path);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", state: tiny.Path);
        Shell.Script($"cat /dev/zero > {tiny["fill"]}");
        string program = volume.AddProgram("program");
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(0, Shell.Script($"cp {program} {program}{i} && {program}{i}").Status);
        }

        Shell.Until(() => daemon.Log.Contains("No space left on device (ENOSPC)", StringComparison.Ordinal), "the fault is said");
        File.Delete(tiny["fill"]);
        Shell.Script($"cp {program} {program}-after && {program}-after");
        Assert.Single(daemon.Entries($"{program}-after"));
    }
}
