using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>However many segments a list has: few descriptors, little memory, and every byte is found.</summary>
public sealed class ManySegmentsTests : IDisposable
{
    const int Segments = 300;

    /// <summary>The one that grows, and one that is being opened.</summary>
    const int MostOpen = OpenSegments.Most + 2;

    readonly ListFixture _fixture = new(segment: 1);
    readonly DigestSet _digests = new();

    public ManySegmentsTests()
    {
        using var sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);
        for (int number = 0; number < Segments; number++)
        {
            Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(number)));
            _ = sealer.SealClosed();
        }
    }

    string List => _fixture.List.Log.Path;

    public void Dispose()
    {
        _fixture.Dispose();
        _digests.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Few_of_many_segments_are_open_and_all_are_read(bool resumes)
    {
        if (resumes)
        {
            _fixture.Resume();
        }

        Assert.InRange(CountOpen(), 1, MostOpen);
        byte[] expected = [.. SegmentFiles.Numbers(List).SelectMany(number => File.ReadAllBytes(SegmentFiles.Data(List, number)))];
        byte[] ascii = Records.Ascii(new LogReader(KernelVector.Source(expected)));
        var view = new ListView(_fixture.List.Log, HashAlgorithm.Sha1, ascii: true, _digests);
        byte[] buffer = new byte[400];
        var random = new Random(5);
        for (int round = 0; round < 1000; round++)
        {
            int at = random.Next(expected.Length);
            int got = _fixture.List.Log.ReadBinary(buffer, at);
            Assert.Equal(expected[at..Math.Min(at + buffer.Length, expected.Length)], buffer[..got]);
            at = random.Next(ascii.Length);
            got = view.Read(buffer, at);
            Assert.Equal(ascii[at..Math.Min(at + buffer.Length, ascii.Length)], buffer[..got]);
        }

        Assert.All(Enumerable.Range(0, Segments), number => Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(number))));
        Assert.InRange(CountOpen(), 1, MostOpen);
    }

    /// <summary>The keys that are left of them have descriptors, too.</summary>
    [Fact]
    public void Few_of_many_erased_segments_are_open_and_all_entries_are_known()
    {
        using (var retention = new ListRetention(_fixture.List, new ListWindow(_fixture.List.Log)))
        {
            Assert.Equal(Segments - 10, retention.Apply(new Retention(RetentionKind.Keep, 10), null).Count);
        }

        Assert.Equal(Segments - 10, _fixture.List.Log.ErasedCount);
        for (int start = 0; start < 2; start++)
        {
            Assert.All(
                Enumerable.Range(0, Segments), number => Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(number))));
            Assert.InRange(CountOpen(), 1, MostOpen);
            _fixture.Resume();
        }
    }

    [Fact]
    public void Readers_find_everything_while_segments_take_descriptors_from_each_other()
    {
        byte[] expected = new byte[_fixture.List.Log.Extent.BinaryBytes];
        Assert.Equal(expected.Length, _fixture.List.Log.ReadBinary(expected, 0));
        Parallel.For(0, 4, reader =>
        {
            var random = new Random(reader);
            byte[] buffer = new byte[900];
            for (int round = 0; round < 3000; round++)
            {
                int at = random.Next(expected.Length);
                int got = _fixture.List.Log.ReadBinary(buffer, at);
                Assert.Equal(expected[at..Math.Min(at + buffer.Length, expected.Length)], buffer[..got]);
            }
        });
        Assert.InRange(CountOpen(), 1, MostOpen);
    }

    [Fact]
    public void Sealed_segment_is_numbers_in_memory_but_for_the_last()
    {
        IReadOnlyList<LogSegment> segments = _fixture.List.Log.Segments;
        Assert.Equal(Segments, _fixture.List.Log.SealedCount);
        Assert.NotEmpty(segments[Segments - 1].Sealed!.Manifest.PcrsAfter);
        RequireNumbers(segments);
        Assert.NotEmpty(segments[7].ReadSealed().Manifest.PcrsAfter);
        _fixture.Resume();
        RequireNumbers(_fixture.List.Log.Segments);
        Assert.NotEmpty(_fixture.List.Log.Segments[Segments - 1].Sealed!.Manifest.PcrsAfter);
    }

    /// <summary>What takes memory is not there, or is the same for all.</summary>
    static void RequireNumbers(IReadOnlyList<LogSegment> segments)
    {
        Manifest first = segments[0].Sealed!.Manifest;
        Assert.All(segments.Take(Segments - 1).Select(one => one.Sealed!.Manifest), one =>
        {
            Assert.Same(first.PcrsAfter, one.PcrsAfter);
            Assert.Same(first.PcrsBefore, one.PcrsBefore);
            Assert.Same(first.List, one.List);
            Assert.Same(first.BootId, one.BootId);
            Assert.Same(first.Version, one.Version);
            Assert.Equal(("", null, null), (one.Digest, one.Previous, one.Quote));
        });
    }

    /// <summary>What of the list is open here, the table apart.</summary>
    int CountOpen() => Directory.GetFiles("/proc/self/fd").Count(
        link => new FileInfo(link).LinkTarget is { } file && file.StartsWith(List, StringComparison.Ordinal)
            && !file.StartsWith(StateDirectory.TableIn(List), StringComparison.Ordinal));
}
