using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// Accesses by way of an overlay whose layers lie on an ext4. Since Linux 6.5 they raise events on both; the guard,
/// which opens the file of an event, would wait for itself if both were marked.
/// </summary>
public sealed class OverlayTests
{
    const int Usage = 2;
    const string ChangeByMapping =
        "import mmap,os,sys; f=os.open(sys.argv[1],os.O_RDWR); m=mmap.mmap(f,0); os.close(f); m[-1]=(m[-1]+1)%256";

    [Theory]
    [InlineData("layers", "/program")]
    [InlineData("overlay", null)]
    public void Program_is_measured_again_when_it_is_changed_in_the_upper_directory(string watched, string? name)
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch(watched, "--tpm none");
        string below = bench.AddProgram("upper", "program");
        for (int round = 1; round <= 6; round++)
        {
            Assert.Equal(0, Shell.Script($"{bench["program"]} && {bench["program"]}").Status);
            string[] entries = daemon.Entries($"{name ?? bench["program"]} ");
            Assert.True(round == entries.Length, File.ReadAllText(daemon.AsciiList));
            string digest = Shell.Must("sha256sum", below)[..64];
            Assert.Contains($" ima-sig sha256:{digest} ", entries[^1], StringComparison.Ordinal);
            if (round % 2 == 0)
            {
                Volume.Change(below);
            }
            else
            {
                Shell.Must("python3", "-c", ChangeByMapping, below);
            }
        }
    }

    /// <summary>Opened through the overlay, a file is opened once more in its layer: that is whose verdict is kept.</summary>
    [Theory]
    [InlineData("upper", "write")]
    [InlineData("upper", "mapping")]
    [InlineData("upper", "splice")]
    [InlineData("upper", "sendfile")]
    [InlineData("upper", "copy_file_range")]
    [InlineData("upper", "truncate")]
    [InlineData("upper", "punched hole")]
    [InlineData("upper", "rename")]
    [InlineData("lower", "write")]
    [InlineData("lower", "mapping")]
    public void Program_is_measured_again_when_it_is_changed_through_the_overlay(string layer, string way)
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch("layers", "--tpm none");
        string below = bench.AddProgram(layer, "program");
        _ = bench.AddProgram("lower", "other");
        Shell.Must("sh", "-c", $"head -c 16384 /dev/urandom >> {below}; truncate -s %4096 {below}");
        var program = new KeptFile("/program", bench["program"], daemon);
        program.Use();
        program.Use();
        string before = Assert.Single(program.Digests);

        FileChange.Make(way, bench["program"], bench["other"]);
        program.Use();

        string[] digests = program.Digests;
        Assert.Equal([before, Shell.Must("sha256sum", bench["program"])[..64]], digests);
        Assert.NotEqual(before, digests[1]);
    }

    [Theory]
    [InlineData("layers", "write")]
    [InlineData("layers", "mapping")]
    [InlineData("overlay", "write")]
    public void Program_is_measured_again_when_it_is_changed_in_the_lower_directory(string watched, string way)
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch(watched, "--tpm none");
        string below = bench.AddProgram("lower", "program");
        string other = bench.AddProgram("lower", "other");
        var program = new KeptFile(watched == "layers" ? "/program" : bench["program"], bench["program"], daemon);
        program.Use();
        program.Use();
        string before = Assert.Single(program.Digests);

        FileChange.Make(way, below, other);
        program.Use();

        string[] digests = program.Digests;
        Assert.Equal([before, Shell.Must("sha256sum", below)[..64]], digests);
        Assert.NotEqual(before, digests[1]);
    }

    [Theory]
    [InlineData("layers", "write", "overlay")]
    [InlineData("layers", "mapping", "overlay")]
    [InlineData("layers", "splice", "overlay")]
    [InlineData("layers", "write", "layer")]
    [InlineData("layers", "mapping", "layer")]
    [InlineData("layers", "splice", "layer")]
    [InlineData("overlay", "write", "overlay")]
    [InlineData("overlay", "mapping", "overlay")]
    [InlineData("overlay", "splice", "overlay")]
    public void File_that_nobody_asked_about_is_measured_when_it_becomes_a_program_through_the_overlay(
        string watched, string way, string read)
    {
        const int heard = 200;
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch(watched, "--tpm none");
        string other = bench.AddProgram("lower", "other");
        string below = Path.Combine(Path.GetDirectoryName(other)!, "../upper/data");
        Shell.Must("sh", "-c", $"head -c {new FileInfo(other).Length} /dev/zero > {below}");
        Shell.Must("sh", "-c", $"cat {(read == "layer" ? below : bench["data"])} {bench["data"]}");
        var data = new KeptFile(watched == "layers" ? "/data" : bench["data"], $"cat {bench["data"]} > /dev/null", daemon);
        Assert.Empty(data.Digests);

        FileChange.Make(way, bench["data"], bench["other"]);
        Thread.Sleep(heard);
        data.Use();

        Assert.Equal(Shell.Must("sha256sum", other)[..64], Assert.Single(data.Digests));
    }

    [Theory]
    [InlineData("layers", 1)]
    [InlineData("overlay", 0)]
    public void Verdict_is_kept_of_a_layer_and_not_of_an_overlay(string watched, int kept)
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch(watched, "--tpm none");
        _ = bench.AddProgram("lower", "program");
        Assert.Equal(0, Shell.Script($"{bench["program"]} && {bench["program"]}").Status);
        Assert.Equal(kept, daemon.Status().GetProperty("accesses").GetProperty("cached").GetInt32());
    }

    [Theory]
    [InlineData("layers")]
    [InlineData("overlay")]
    public void Changed_program_is_denied(string watched)
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch(watched, "--tpm none --appraise enforce");
        string below = bench.AddProgram("upper", "program");
        Shell.Must(Bench.Program, "label", below);
        Assert.Equal(0, Shell.Script($"{bench["program"]} && {bench["program"]}").Status);

        Volume.Change(below);

        Assert.Equal(126, Shell.Script(bench["program"]).Status);
        Shell.Must(Bench.Program, "label", below);
        Assert.Equal(0, Shell.Script(bench["program"]).Status);
    }

    [Theory]
    [InlineData("layers", "/program")]
    [InlineData("overlay", null)]
    public void Copy_that_a_write_makes_is_measured(string watched, string? name)
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch(watched, "--tpm none");
        _ = bench.AddProgram("lower", "program");
        Assert.Equal(0, Shell.Script(bench["program"]).Status);
        Volume.Change(bench["program"]);
        Assert.Equal(0, Shell.Script(bench["program"]).Status);
        Assert.Equal(2, daemon.Entries($"{name ?? bench["program"]} ").Length);
    }

    [Fact]
    public void Overlay_and_its_layers_are_not_marked_both()
    {
        using var bench = new OverlayBench();
        using Daemon daemon = bench.Watch("both", "--tpm none");
        string expected = $"{bench.Path} (overlay): what lies in it is seen in its layers, if their filesystems are watched";
        Shell.Until(
            () => daemon.Status().GetProperty("holes").EnumerateArray().Any(hole => hole.GetString() == expected), "it is said");
        Assert.False(MountBench.IsWatched(daemon, bench.Path));
        _ = bench.AddProgram("lower", "program");
        Assert.Equal(0, Shell.Script(bench["program"]).Status);
        Assert.Single(daemon.Entries("/program "));
    }

    [Fact]
    public void Overlay_is_refused_together_with_anything_that_may_be_its_layer()
    {
        using var bench = new OverlayBench();
        using var other = new Volume();
        bench.Mount();
        foreach (string with in (string[])["'mount:/nowhere/*'", other.Path])
        {
            using var daemon = new Daemon(bench.Path, $"--watch {with} --tpm none");
            Assert.Equal(Usage, daemon.AwaitFailure());
            Assert.Contains($"cannot watch {bench.Path} together with others", daemon.Log, StringComparison.Ordinal);
        }
    }
}
