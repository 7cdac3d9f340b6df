using ImaHost.Daemon;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>What the host answers about its segments when the disk refuses.</summary>
public sealed class SegmentUpkeepTests : IDisposable
{
    readonly ListFixture _fixture = new(segment: 3);
    readonly SegmentUpkeep _upkeep;

    public SegmentUpkeepTests()
    {
        _upkeep = new SegmentUpkeep(new LogOptions(), _fixture.List, _fixture.Settings, quotes: null, NullLogger.Instance);
        for (int number = 0; number < 12; number++)
        {
            _ = _fixture.Add(Entry.Number(number));
        }
    }

    string List => _fixture.List.Log.Path;

    public void Dispose()
    {
        _upkeep.Dispose();
        _fixture.Dispose();
    }

    /// <summary>A directory stands where the keys of the second segment should.</summary>
    [Fact]
    public void Prune_answers_with_the_error_when_a_segment_cannot_be_erased_and_the_fault_shows()
    {
        Assert.StartsWith("ok: ", Ask("segments flush"), StringComparison.Ordinal);
        Assert.Empty(_upkeep.Faults);
        string keys = SegmentFiles.Keys(List, 1);
        _ = Directory.CreateDirectory(keys);

        string answer = Ask("segments prune keep:1");
        string fault = Assert.Single(_upkeep.Faults);
        Assert.StartsWith($"segment 1 of {List} cannot be erased: ", fault, StringComparison.Ordinal);
        Assert.Equal($"error: {fault}; 1 segments before it were erased\n", answer);
        Assert.False(File.Exists(SegmentFiles.Data(List, 0)));
        Assert.True(File.Exists(SegmentFiles.Data(List, 1)));

        Directory.Delete(keys);
        Assert.EndsWith("\nok\n", Ask("segments prune keep:1"), StringComparison.Ordinal);
        Assert.Empty(_upkeep.Faults);
    }

    [Fact]
    public void Status_counts_what_is_sealed_exported_and_erased_and_what_is_kept()
    {
        Assert.Equal(new SegmentStatus(5, 0, 0, null, 0, null) { Erased = 0, KeptBytes = Length, LastSeal = null }, _upkeep.Status);
        using var place = new TemporaryDirectory();
        _ = Ask($"segments export file:{place.At("list")}");
        _ = Ask("segments flush");
        long first = new FileInfo(SegmentFiles.Data(List, 0)).Length;
        _ = Ask("segments prune keep:4");
        SegmentStatus status = _upkeep.Status;
        Assert.Equal((6, 5, 5, 1, Length - first), (status.Count, status.Sealed, status.Exported, status.Erased, status.KeptBytes));
        Assert.InRange(DateTime.UtcNow - status.LastSeal!.Value, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    long Length => _fixture.List.Log.Extent.BinaryBytes;

    string Ask(string line) => new SegmentRequests(_upkeep).Answer(new ControlRequest(line, [], Uid: 0))!;
}
