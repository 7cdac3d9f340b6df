using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Segments;

/// <summary>What is exported is the list, whatever happens to the target meanwhile.</summary>
public sealed class SegmentExporterTests : IDisposable
{
    readonly ListFixture _fixture = new(segment: 1000);
    readonly TemporaryDirectory _targets = new();
    readonly ListSealer _sealer;
    int _number;

    public SegmentExporterTests() => _sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);

    string List => _fixture.List.Log.Path;

    public void Dispose()
    {
        _sealer.Dispose();
        _fixture.Dispose();
        _targets.Dispose();
    }

    [Fact]
    public void File_holds_the_list_up_to_the_last_sealed_segment()
    {
        var exporter = new SegmentExporter(List);
        exporter.SetTarget(File("list"));
        for (int round = 0; round < 4; round++)
        {
            Seal(10);
            Assert.Equal(1, exporter.Export());
            Assert.Equal(0, exporter.Export());
            Assert.Equal(Whole(), Read("list"));
        }
    }

    [Fact]
    public void Setting_a_file_empties_it_unless_it_is_appended_to()
    {
        _ = _targets.Write("list", "before");
        Seal(10);
        var exporter = new SegmentExporter(List);
        exporter.SetTarget(new ExportTarget(_targets.At("list"), IsDirectory: false, Append: true));
        Assert.Equal(1, exporter.Export());
        Assert.Equal([.. "before"u8, .. Whole()], Read("list"));
        exporter.SetTarget(File("list"));
        Assert.Empty(Read("list"));
        Assert.Equal(1, exporter.Export());
        Assert.Equal(Whole(), Read("list"));
    }

    [Fact]
    public void Directory_gets_segments_that_verify()
    {
        Seal(30);
        _ = Directory.CreateDirectory(_targets.At("d"));
        var exporter = new SegmentExporter(List);
        exporter.SetTarget(new ExportTarget(_targets.At("d"), IsDirectory: true, Append: false));
        Assert.Equal(3, exporter.Export());
        using var digests = new DigestSet();
        SegmentReport[] reports = [.. new SegmentVerifier(_targets.At("d", Path.GetFileName(List)), 0, digests).Run()];
        Assert.Equal(["sealed", "sealed", "sealed"], reports.Select(report => report.State));
        Assert.All(reports, report => Assert.Empty(report.Problems));
    }

    /// <summary>The 2021 semantics: what failed stops further exports until a target is set, and nothing is left out then.</summary>
    [Theory]
    [InlineData("gone")]
    [InlineData("full")]
    [InlineData("cut")]
    [InlineData("a directory")]
    public void Failure_stops_the_export_until_a_target_is_set_and_nothing_is_lost(string fault)
    {
        Seal(10);
        var exporter = new SegmentExporter(List);
        string path = fault == "gone" ? _targets.At("d", "list") : _targets.At("list");
        _ = Directory.CreateDirectory(_targets.At("d"));
        exporter.SetTarget(new ExportTarget(path, IsDirectory: false, Append: false));
        Assert.Equal(1, exporter.Export());
        Break(fault, path);
        Seal(20);
        Assert.Equal(0, exporter.Export());
        string failed = exporter.State!.Failed!;
        Assert.StartsWith("segment 1 was not exported: ", failed, StringComparison.Ordinal);
        Mend(fault, path);
        Assert.Equal(0, exporter.Export());

        // Another host knows it too, until it is told a new target.
        var next = new SegmentExporter(List);
        Assert.Equal(failed, next.State!.Failed);
        Assert.Equal(0, next.Export());
        next.SetTarget(File("other"));
        Assert.Equal(3, next.Export());
        Assert.Equal(Whole(), Read("other"));
    }

    [Fact]
    public void Half_a_segment_that_a_crash_left_in_the_target_is_written_over()
    {
        Seal(10);
        var exporter = new SegmentExporter(List);
        exporter.SetTarget(File("list"));
        _ = exporter.Export();
        Seal(10);
        System.IO.File.AppendAllText(_targets.At("list"), new string('x', 100_000));
        Assert.Equal(1, new SegmentExporter(List).Export());
        Assert.Equal(Whole(), Read("list"));
    }

    [Fact]
    public void Configured_target_is_set_once_and_again_when_it_is_another()
    {
        Seal(10);
        var exporter = new SegmentExporter(List);
        exporter.Configure(File("a"), Memory);
        _ = exporter.Export();
        exporter = new SegmentExporter(List);
        exporter.Configure(File("a"), Memory);
        Assert.Equal(1, exporter.State!.Next);
        Assert.Equal(Whole(), Read("a"));
        exporter.SetTarget(File("b"));
        exporter.Configure(File("a"), Memory);
        Assert.Equal(File("b").ToString(), exporter.State!.Target);
        exporter.Configure(File("c"), Memory);
        Assert.Equal(File("c").ToString(), exporter.State!.Target);
    }

    /// <summary>A reboot begins another list: what was exported of the one before stays, but for half a segment.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("half a segment")]
    public void Configured_file_goes_on_with_the_next_list(string left)
    {
        Seal(20);
        var exporter = new SegmentExporter(List);
        exporter.Configure(File("a"), Memory);
        Assert.Equal(2, exporter.Export());
        byte[] first = Whole();
        System.IO.File.AppendAllText(_targets.At("a"), left);
        SegmentExporter next = NextList();
        next.Configure(File("a"), Memory);
        Assert.Equal(first, Read("a"));
        Assert.Equal(2, next.Export());
        Assert.Equal([.. first, .. first], Read("a"));

        // A restart in that list changes nothing, and going back to the other one takes nothing away.
        next = NextList();
        next.Configure(File("a"), Memory);
        Assert.Equal(0, next.Export());
        Seal(10);
        byte[] second = Whole()[first.Length..];
        exporter = new SegmentExporter(List);
        exporter.Configure(File("a"), Memory);
        Assert.Equal(1, exporter.Export());
        Assert.Equal([.. first, .. first, .. second], Read("a"));

        // Another target is emptied, and so is this one when it is set by a command.
        _ = _targets.Write("b", "before");
        next.Configure(File("b"), Memory);
        Assert.Empty(Read("b"));
        exporter.SetTarget(File("a"));
        Assert.Empty(Read("a"));
    }

    [Fact]
    public void Target_that_a_command_has_set_counts_for_its_list_alone()
    {
        Seal(10);
        var exporter = new SegmentExporter(List);
        exporter.Configure(File("a"), Memory);
        exporter.SetTarget(File("b"));
        _ = exporter.Export();
        SegmentExporter next = NextList();
        next.Configure(File("a"), Memory);
        Assert.Equal(1, next.Export());
        Assert.Equal(Whole(), Read("a"));
        Assert.Equal(Whole(), Read("b"));
    }

    [Fact]
    public void Only_what_was_exported_is_erased_when_that_is_asked()
    {
        Seal(30);
        var exporter = new SegmentExporter(List);
        exporter.SetTarget(File("list"));
        _ = exporter.Export();
        Seal(10);
        using var retention = new ListRetention(_fixture.List, new ListWindow(_fixture.List.Log));
        byte[] whole = Read("list");
        Assert.Equal([0, 1, 2], retention.Apply(new Retention(RetentionKind.Exported), exporter.State!.Next).Select(one => one.Segment));
        Assert.Equal(1, exporter.Export());
        Assert.Equal(whole, Read("list")[..whole.Length]);
        Assert.Equal(_fixture.List.Log.Segments[^1].Start.BinaryBytes, Read("list").Length);
    }

    [Fact]
    public void New_target_begins_with_the_first_segment_that_is_not_erased()
    {
        Seal(30);
        using var retention = new ListRetention(_fixture.List, new ListWindow(_fixture.List.Log));
        Assert.Equal(2, retention.Apply(new Retention(RetentionKind.Keep, 1), null).Count);
        var exporter = new SegmentExporter(List);
        exporter.SetTarget(File("list"));
        Assert.Equal(1, exporter.Export());
        Assert.Equal(System.IO.File.ReadAllBytes(SegmentFiles.Data(List, 2)), Read("list"));
    }

    string Memory => StateDirectory.ExportBeside(List);

    /// <summary>Another list beside the first, with segments of the same content.</summary>
    SegmentExporter NextList()
    {
        string next = List + ".1";
        if (!Directory.Exists(next))
        {
            _ = Directory.CreateDirectory(next);
            foreach (string file in Directory.GetFiles(List).Where(file => Path.GetExtension(file) is ".ima" or ".json" or ".sha256"))
            {
                System.IO.File.Copy(file, Path.Combine(next, Path.GetFileName(file)));
            }
        }

        return new SegmentExporter(next);
    }

    void Break(string fault, string path)
    {
        switch (fault)
        {
            case "gone":
                Directory.Delete(_targets.At("d"), recursive: true);
                break;
            case "full":
                System.IO.File.Delete(path);
                _ = System.IO.File.CreateSymbolicLink(path, "/dev/full");
                break;
            case "cut":
                System.IO.File.WriteAllText(path, "");
                break;
            default:
                System.IO.File.Delete(path);
                _ = Directory.CreateDirectory(path);
                break;
        }
    }

    void Mend(string fault, string path)
    {
        if (fault == "gone")
        {
            _ = Directory.CreateDirectory(_targets.At("d"));
        }
        else if (fault == "a directory")
        {
            Directory.Delete(path);
        }
    }

    ExportTarget File(string name) => new(_targets.At(name), IsDirectory: false, Append: false);

    byte[] Read(string name) => System.IO.File.ReadAllBytes(_targets.At(name));

    /// <summary>Everything that is sealed.</summary>
    byte[] Whole()
    {
        byte[] bytes = new byte[_fixture.List.Log.Segments[^1].Start.BinaryBytes];
        Assert.Equal(bytes.Length, _fixture.List.Log.ReadBinary(bytes, 0));
        return bytes;
    }

    /// <summary>Ten entries more in each segment.</summary>
    void Seal(int entries)
    {
        for (int end = _number + entries; _number < end; _number++)
        {
            _ = _fixture.Add(Entry.Number(_number));
            if (_number % 10 == 9)
            {
                _sealer.SealAll();
            }
        }

        Assert.Null(_sealer.Fault);
    }
}
