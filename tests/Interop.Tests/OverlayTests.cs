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
