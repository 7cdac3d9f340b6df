using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>
/// One list with everything a list can hold: programs, data and buffers, two PCRs, two templates besides that of
/// buffers, and violations of each kind. The daemon still runs when it is looked at.
/// </summary>
public sealed class ListBench : IDisposable
{
    public const string Rules =
        "measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK pcr=11 template=ima-ng\n"
        + "measure func=FILE_CHECK mask=MAY_READ fowner=0\n";

    /// <summary>The banks of the emulator.</summary>
    public static readonly string[] Banks = ["sha1", "sha256", "sha384", "sha512"];

    readonly Volume _volume = new();
    readonly Volume _disk = new("ext4");

    public ListBench()
    {
        string config = Bench.NewFile("imahost.yaml", "deadline: 500\n");
        Daemon = Daemon.Ready(
            _volume.Path,
            $"--watch {_disk.Path} --tpm {Tpm.Transport} --config {config} --policy {Bench.NewFile("policy", Rules)}");
        Program = _volume.AddProgram("program");
        Library = _volume.AddProgram("library.so");
        Foreign = _volume["foreign"];
        Shell.Must("sh", "-c", $"{Program}; cat {Library}; echo x > {Foreign}; chown 1 {Foreign}; cat {Foreign}");
        for (int i = 0; i < 20; i++)
        {
            string name = _volume[string.Create(CultureInfo.InvariantCulture, $"file {i}")];
            Shell.Must("sh", "-c", $"echo {i} > '{name}'; cat '{name}'");
            Shell.Feed($"buffer {i}", Bench.Program, "measure", "-", "--name", $"buffer-{i}", "--state", Daemon.State);
        }

        Violate();
        Pcrs = Tpm.ReadPcrs();
    }

    public Emulator Tpm { get; } = new();

    public Daemon Daemon { get; }

    public string Program { get; }

    public string Library { get; }

    /// <summary>What no rule measures.</summary>
    public string Foreign { get; }

    /// <summary>All PCRs after the last entry, as tpm2_pcrread writes them.</summary>
    public string Pcrs { get; }

    public void Dispose()
    {
        Daemon.Dispose();
        Tpm.Dispose();
        _volume.Dispose();
        _disk.Dispose();
    }

    void Violate()
    {
        WatchedFile written = Touch("written"), read = Touch("read");
        using var reader = new Actor();
        using var writer = new Actor();
        writer.OpenToWrite(written.Path);
        reader.OpenToRead(written.Path);
        written.Expect(ViolationBench.OpenWriters);
        reader.OpenToRead(read.Path);
        writer.OpenToWrite(read.Path);
        read.Expect(ViolationBench.ToMToU);
        Outwait(Touch("late"));
        Damage(new WatchedFile(_disk["damaged"], Daemon));
    }

    WatchedFile Touch(string name)
    {
        Shell.Must("sh", "-c", $"echo {name} > {_volume[name]}");
        return new WatchedFile(_volume[name], Daemon);
    }

    /// <summary>The TPM does not answer while its deadline passes.</summary>
    void Outwait(WatchedFile late)
    {
        Tpm.Freeze();
        Outcome read = Shell.Run("cat", late.Path);
        Tpm.Thaw();
        Assert.Equal("late\n", read.Output);
        late.Expect("deadline");
    }

    /// <summary>The disk's end is cut off under the mounted filesystem: reads beyond it are I/O errors.</summary>
    void Damage(WatchedFile damaged)
    {
        Shell.Must("sh", "-c", $"head -c 16M /dev/zero > {damaged.Path}; sync");
        string first = Shell.Script(
            $"filefrag -b512 -e {damaged.Path} | awk '$1 == \"0:\" {{ print $4 }}'").Output.TrimEnd('.', '\n');
        long end = (long.Parse(first, CultureInfo.InvariantCulture) * 512) + (8 << 20);
        Shell.Must(
            "sh", "-c",
            $"echo 3 > /proc/sys/vm/drop_caches; truncate -s {end} {_disk.Image}; "
            + $"losetup -c $(losetup -j {_disk.Image} -O NAME -n)");
        Shell.Run("head", "-c1", damaged.Path);
        damaged.Expect("unreadable");
    }
}
