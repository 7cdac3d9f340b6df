using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class MeasurementLogTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly MeasurementLog _log;

    readonly string _first;

    public MeasurementLogTests()
    {
        _ = Directory.CreateDirectory(_directory.At("log"));
        _first = SegmentFiles.Data(_directory.At("log"), 0);
        _log = new MeasurementLog(_directory.At("log"));
    }

    public void Dispose()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    /// <summary>In one piece of the index, and in several.</summary>
    [Theory]
    [InlineData(1000)]
    [InlineData(20_000)]
    public void FindPoint_gives_the_last_point_at_or_before_every_offset(int entries)
    {
        List<LogExtent> extents = Fill(entries);
        for (int entry = 0; entry < entries; entry++)
        {
            LogExtent expected = extents[entry / 64 * 64];
            Assert.Equal(expected, FindAscii(extents[entry].AsciiBytes));
            Assert.Equal(expected, FindAscii(extents[entry + 1].AsciiBytes - 1));
            Assert.Equal(expected, _log.FindPoint(extents[entry].BinaryBytes, extent => extent.BinaryBytes));
        }

        Assert.Equal(extents[(entries - 1) / 64 * 64], FindAscii(long.MaxValue));
    }

    [Fact]
    public void FindPoint_gives_the_start_when_there_is_no_entry() => Assert.Equal(default, FindAscii(5));

    [Fact]
    public void ReadBinary_ends_where_the_published_entries_do()
    {
        _log.Append("abcdef"u8, 3);
        File.AppendAllText(_first, "tail");
        byte[] buffer = new byte[100];
        Assert.Equal(6, _log.ReadBinary(buffer, 0));
        Assert.Equal(2, _log.ReadBinary(buffer, 4));
        Assert.Equal(0, _log.ReadBinary(buffer, 6));
        Assert.Equal(0, _log.ReadBinary(buffer, 60));
        Assert.Equal(10, _log.ReadFile(buffer, 0));
        Assert.Equal(10, _log.FileLength);
    }

    [Fact]
    public void Append_writes_over_what_was_never_published()
    {
        File.WriteAllText(_first, "half an entry");
        _log.Append("whole"u8, 1);
        _log.DropTail();
        Assert.Equal("whole", File.ReadAllText(_first));
        Assert.Equal(new LogExtent(1, 5, 1), _log.Extent);
    }

    LogExtent FindAscii(long offset) => _log.FindPoint(offset, extent => extent.AsciiBytes);

    /// <returns>How far the list reached before each entry, and at the end.</returns>
    List<LogExtent> Fill(int entries)
    {
        var extents = new List<LogExtent> { _log.Extent };
        for (int entry = 0; entry < entries; entry++)
        {
            _log.Append(new byte[1 + (entry % 7)], 3 + (entry % 11));
            extents.Add(_log.Extent);
        }

        return extents;
    }
}
