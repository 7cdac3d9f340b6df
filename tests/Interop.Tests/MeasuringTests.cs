using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Accesses are held, measured, extended, published.</summary>
public sealed class MeasuringTests
{
    [Theory]
    [InlineData("tmpfs")]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public void Exec_is_listed_and_extended_on(string kind)
    {
        using var tpm = new Emulator();
        using var volume = new Volume(kind);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        string program = volume.AddProgram("program");

        Outcome ran = Shell.Script($"{program} hello");

        Assert.Equal("hello\n", ran.Output);
        string digest = Shell.Must("sha256sum", program)[..64];
        string entry = Assert.Single(daemon.Entries(program));
        Assert.Contains($" ima-sig sha256:{digest} {program} ", entry, StringComparison.Ordinal);
        foreach (string bank in (string[])["sha1", "sha256"])
        {
            Outcome verified = tpm.Verify(daemon.BinaryList, bank);
            Assert.True(verified.Status == 0, $"{bank}: {verified.Errors}{verified.Output}");
        }
    }

    [Fact]
    public void Emulator_by_TCP_is_shared_with_others_under_load()
    {
        string directory = Bench.NewDirectory("tcp");
        const int port = 23210;
        Shell.Must(
            "swtpm", "socket", "--tpm2", "--daemon", "--tpmstate", $"dir={directory}",
            "--server", $"type=tcp,port={port}", "--ctrl", $"type=tcp,port={port + 1}",
            "--flags", "not-need-init,startup-clear", "--pid", $"file={directory}/pid");
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm swtpm:host=127.0.0.1,port={port}");
        using Running load = Shell.StartScript(
            $"for i in $(seq 300); do cp /bin/true {volume.Path}/p$i; echo $i >> {volume.Path}/p$i; {volume.Path}/p$i; done");
        for (int i = 0; i < 10; i++)
        {
            Shell.Must("tpm2_pcrread", "-T", $"swtpm:host=127.0.0.1,port={port}", "sha256:10");
        }

        Assert.Equal(0, load.Wait(60).Status);
        string pcr = Shell.Must("tpm2_pcrread", "-T", $"swtpm:host=127.0.0.1,port={port}", "sha256:10");
        Assert.Contains(
            Replay.Pcr10(File.ReadAllBytes(daemon.BinaryList), "sha256"), pcr, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, daemon.Status().GetProperty("faults").GetArrayLength());
        Shell.Script($"kill $(cat {directory}/pid)");
    }

    [Fact]
    public void Evmctl_refuses_when_something_else_extended_the_PCR()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");

        Shell.Must("tpm2_pcrextend", "-T", tpm.Transport, $"10:sha256={new string('a', 64)}");

        Assert.NotEqual(0, tpm.Verify(daemon.BinaryList).Status);
        Shell.Until(() => daemon.Log.Contains("something else extended it", StringComparison.Ordinal), "the fault shows");
    }

    [Fact]
    public void First_entry_is_the_boot_aggregate_of_the_TPM()
    {
        using var tpm = new Emulator();
        Shell.Must("tpm2_pcrextend", "-T", tpm.Transport, $"7:sha256={new string('5', 64)}");
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");

        Outcome expected = Shell.Script(
            $"tpm2_pcrread -T {tpm.Transport} -o {daemon.State}/pcrs sha256:0,1,2,3,4,5,6,7,8,9 >/dev/null && "
            + $"sha256sum < {daemon.State}/pcrs");

        string first = File.ReadLines(daemon.AsciiList).First();
        Assert.EndsWith($" ima-sig sha256:{expected.Output[..64]} boot_aggregate ", first, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_allocated_bank_is_extended_with_its_own_digest()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}");
        Shell.Script(volume.AddProgram("program"));

        foreach (string bank in (string[])["sha1", "sha256", "sha384", "sha512"])
        {
            Assert.Equal(Replay.Pcr10(File.ReadAllBytes(daemon.BinaryList), bank), tpm.ReadPcr(bank, 10));
        }
    }

    [Fact]
    public void Opened_library_is_an_MMAP_CHECK_and_plain_data_is_not()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string library = volume.AddProgram("library.so");
        File.WriteAllText(volume["data.txt"], "text");
        Shell.Must("cat", library, volume["data.txt"]);

        Assert.Single(daemon.Entries(library));
        Assert.Empty(daemon.Entries(volume["data.txt"]));
    }

    [Fact]
    public void Reads_are_measured_when_the_policy_asks()
    {
        using var volume = new Volume();
        string policy = Path.Combine(Bench.NewDirectory("policy"), "reads");
        File.WriteAllText(policy, "# reads by root\nmeasure func=FILE_CHECK mask=^MAY_READ uid=0\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --policy {policy}");
        // By a program of one thread: of others it may not be told what they open a file for.
        Shell.Must("sh", "-c", $"for name in root user; do echo $name > {volume.Path}/$name.txt; done");

        Shell.Must("cat", volume["root.txt"]);
        Shell.Must("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", volume["user.txt"]);

        Assert.Single(daemon.Entries(volume["root.txt"]));
        Assert.Empty(daemon.Entries(volume["user.txt"]));
    }

    [Fact]
    public void Same_content_and_path_is_listed_once_and_changed_content_again()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        for (int i = 0; i < 5; i++)
        {
            Shell.Script(program);
        }

        Assert.Single(daemon.Entries(program));
        Volume.Change(program);
        Shell.Script(program);
        Assert.Equal(2, daemon.Entries(program).Length);
    }

    [Fact]
    public void Cached_program_that_is_changed_through_a_mapping_is_measured_again()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        const string change =
            "import mmap,os,sys; f=os.open(sys.argv[1],os.O_RDWR); m=mmap.mmap(f,0); m[-1]=(m[-1]+1)%256; m.close()";
        for (int round = 1; round <= 10; round++)
        {
            Shell.Script($"{program} && {program}");
            Assert.Equal(round, daemon.Entries(program).Length);
            Shell.Must("python3", "-c", change, program);
        }
    }

    [Fact]
    public void Repeated_exec_raises_no_event()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        Shell.Script(program);
        ulong before = daemon.Status().GetProperty("accesses").GetProperty("events").GetUInt64();
        for (int i = 0; i < 10; i++)
        {
            Shell.Script($"{program} >/dev/null");
        }

        Assert.Equal(before, daemon.Status().GetProperty("accesses").GetProperty("events").GetUInt64());
    }

    [Fact]
    public void Deleted_program_gives_its_blocks_back()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        Shell.Must("truncate", "-s", "50M", program);
        Shell.Must("fallocate", "-l", "50M", program);
        Shell.Script(program);
        Assert.Equal(1ul, daemon.Status().GetProperty("accesses").GetProperty("cached").GetUInt64());
        long before = new DriveInfo(volume.Path).AvailableFreeSpace;

        File.Delete(program);

        Shell.Until(() => new DriveInfo(volume.Path).AvailableFreeSpace > before + (45L << 20), "the blocks are free", 30);
        Assert.Equal(0ul, daemon.Status().GetProperty("accesses").GetProperty("cached").GetUInt64());
    }

    [Fact]
    public void Signal_lets_go_of_a_filesystem_that_is_to_be_unmounted()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Shell.Script(volume.AddProgram("program"));
        Assert.Contains("busy", Shell.Run("umount", volume.Path).Errors, StringComparison.Ordinal);

        Shell.Signal("USR1", daemon.GuardPid);

        Shell.Until(() => Shell.Run("umount", volume.Path).Status == 0, "it can be unmounted");
    }

    [Fact]
    public void Own_binary_and_libraries_on_the_watched_filesystem_are_measured_first()
    {
        using var volume = new Volume("ext4");
        string command = Installed.CopyWithLibrariesTo(volume);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none", program: command);
        string other = volume.AddProgram("other");
        Shell.Script(other);

        string[] names = [.. File.ReadLines(daemon.AsciiList).Select(line => line.Split(' ')[4])];
        Assert.Equal("boot_aggregate", names[0]);
        int judged = Array.IndexOf(names, other);
        foreach (string own in (string[])["imahost", "lib/libcrypto.so.3", "lib/libc.so.6"])
        {
            Assert.True(Array.IndexOf(names, volume[own]) is > 0 and var place && place < judged, string.Join('\n', names));
        }
    }
}
