using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>A list in segments is the same list.</summary>
public sealed class SegmentedListTests : IDisposable
{
    const int PerSegment = 10;

    readonly ListFixture _fixture = new(PerSegment);
    readonly DigestSet _digests = new();

    string List => _fixture.List.Log.Path;

    public void Dispose()
    {
        _fixture.Dispose();
        _digests.Dispose();
    }

    [Fact]
    public void List_reads_as_one_whatever_is_sealed_and_at_every_offset()
    {
        byte[] expected = Fill(95);
        Assert.Equal(10, SegmentFiles.Numbers(List).Count);
        Assert.Equal(9, Seal());
        Assert.Equal(expected, Read(new byte[expected.Length + 10], 0));
        for (int offset = 0; offset < expected.Length; offset += 37)
        {
            byte[] piece = Read(new byte[200], offset);
            Assert.Equal(expected[offset..Math.Min(offset + 200, expected.Length)], piece);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Views_jump_into_any_segment_also_of_an_earlier_host(bool resumes)
    {
        byte[] binary = Fill(4000);
        _ = Seal();
        if (resumes)
        {
            _fixture.Resume();
        }

        byte[] ascii = Records.Ascii(new LogReader(KernelVector.Source(binary)));
        var view = new ListView(_fixture.List.Log, HashAlgorithm.Sha1, ascii: true, _digests);
        Assert.Equal(ascii.Length, view.Size);
        var random = new Random(3);
        byte[] buffer = new byte[300];
        for (int round = 0; round < 300; round++)
        {
            int offset = random.Next(ascii.Length);
            int got = view.Read(buffer, offset);
            Assert.Equal(ascii[offset..(offset + got)], buffer[..got]);
            Assert.Equal(Math.Min(buffer.Length, ascii.Length - offset), got);
        }
    }

    [Fact]
    public void Resume_goes_on_behind_sealed_segments_and_knows_their_entries()
    {
        byte[] expected = Fill(57, violations: true);
        _ = Seal();
        LogExtent extent = _fixture.List.Log.Extent;
        long violations = _fixture.List.Violations;
        for (int round = 0; round < 3; round++)
        {
            _fixture.Resume();
            Assert.Equal(extent, _fixture.List.Log.Extent);
            Assert.Equal(violations, _fixture.List.Violations);
            Assert.Equal(5, Sealed());
            Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(3)));
            Assert.Equal(expected, Read(new byte[expected.Length + 10], 0));
            File.Delete(StateDirectory.TableIn(List));
        }
    }

    /// <summary>What a sealed segment holds is not read again, which shows when it is not there to be read.</summary>
    [Fact]
    public void Resume_reads_no_sealed_segment()
    {
        byte[] expected = Fill(57);
        _ = Seal();
        _fixture.List.Dispose();
        for (int number = 0; number < 5; number++)
        {
            string path = SegmentFiles.Data(List, number);
            File.WriteAllBytes(path, new byte[new FileInfo(path).Length]);
        }

        _fixture.Resume();
        Assert.Equal(expected.Length, _fixture.List.Log.Extent.BinaryBytes);
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(1000)));
    }

    [Theory]
    [InlineData(".json.new", "half a manifest")]
    [InlineData(".json", "{\"schema\":\"imahost-segment/1\"")]
    [InlineData(".json", "")]
    [InlineData(".sha256.new", "half")]
    [InlineData(".sha256", "what a crash between the two has left\n")]
    public void Segment_that_a_crash_left_half_sealed_is_sealed_from_its_bytes(string suffix, string left)
    {
        byte[] expected = Fill(35);
        File.WriteAllText(Path.ChangeExtension(SegmentFiles.Data(List, 0), suffix), left);
        _fixture.Resume();
        Assert.Equal(3, Seal());
        Assert.Equal(expected, Read(new byte[expected.Length + 10], 0));
        Assert.All(new SegmentVerifier(List, 0, _digests).Run(), report => Assert.DoesNotContain(
            report.Problems, one => !one.Contains(".damaged", StringComparison.Ordinal)));
    }

    [Fact]
    public void Damaged_last_manifest_is_kept_aside_and_the_segment_is_sealed_anew()
    {
        _ = Fill(35);
        Assert.Equal(3, Seal());
        string manifest = SegmentFiles.Manifest(List, 2);
        byte[] bytes = File.ReadAllBytes(manifest);
        bytes[100] ^= 1;
        File.WriteAllBytes(manifest, bytes);
        _fixture.Resume();
        Assert.Equal(bytes, File.ReadAllBytes(manifest + ".damaged"));
        Assert.Equal(1, Seal());
        Assert.Equal(36, _fixture.List.Log.Extent.Entries);
    }

    [Fact]
    public void Closed_segment_is_not_sealed_when_it_is_damaged_and_the_fault_names_the_entry()
    {
        _ = Fill(25);
        string path = SegmentFiles.Data(List, 1);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        using var sealer = NewSealer();
        Assert.Equal(1, sealer.SealClosed());
        Assert.Contains($"segment 1 of {List} cannot be sealed: entry 19 at offset", sealer.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Segment_is_closed_at_its_limit_of_bytes_too()
    {
        using var directory = new TemporaryDirectory();
        _ = Directory.CreateDirectory(directory.At("log"));
        using var log = new MeasurementLog(directory.At("log"), new SegmentLimits(long.MaxValue, 100));
        for (int i = 0; i < 10; i++)
        {
            log.Append(new byte[40], 1);
        }

        Assert.Equal([0, 1, 2, 3], SegmentFiles.Numbers(directory.At("log")));
        Assert.Equal(120, new FileInfo(SegmentFiles.Data(directory.At("log"), 0)).Length);
    }

    /// <summary>A segment that cannot be begun is no reason to lose an entry: the one that is there goes on to grow.</summary>
    [Fact]
    public void List_grows_on_in_its_segment_when_the_next_cannot_be_begun()
    {
        string next = SegmentFiles.Data(List, 1);
        _ = Directory.CreateDirectory(next);
        byte[] expected = Fill(35);
        Assert.Equal(expected, Read(new byte[expected.Length + 10], 0));
        Directory.Delete(next);
        _fixture.List.Cut();
        _ = _fixture.Add(Entry.Number(5000));
        Assert.True(File.Exists(next));
    }

    [Fact]
    public void Erased_segments_are_gone_from_disk_and_view_but_never_measured_again()
    {
        byte[] all = Fill(57);
        _ = Seal();
        var window = new ListWindow(_fixture.List.Log);
        using (var retention = new ListRetention(_fixture.List, window))
        {
            IReadOnlyList<ErasedSegment> erased = retention.Apply(new Retention(RetentionKind.Keep, 2), null);
            Assert.Equal([0, 1, 2], erased.Select(one => one.Segment));
            Assert.All(erased, one => Assert.Contains("no TPM has signed", one.Warning, StringComparison.Ordinal));
            Assert.Equal(long.MaxValue, Retention.ExtendedOf(SealedChain.Read(List, _digests, out _)));
            Assert.Contains("entries 10 to 19", erased[1].Warning, StringComparison.Ordinal);
            Assert.Empty(retention.Apply(new Retention(RetentionKind.Keep, 2), null));
        }

        RequireErased(window, all);
        _fixture.Resume();
        RequireErased(new ListWindow(_fixture.List.Log), all);
        _fixture.List.Dispose();
        File.Delete(StateDirectory.TableIn(List));
        _fixture.Resume();
        RequireErased(new ListWindow(_fixture.List.Log), all);
        Assert.Equal(
            ["erased", "erased", "erased", "sealed", "sealed", "open"],
            new SegmentVerifier(List, 0, _digests).Run().Select(report => report.Problems.Count == 0 ? report.State : report.Problems[0]));
    }

    /// <summary>A directory in the place of the keys: the disk refuses them.</summary>
    [Fact]
    public void Segment_that_cannot_be_erased_is_a_fault_and_goes_another_time()
    {
        _ = Fill(57);
        _ = Seal();
        string keys = SegmentFiles.Keys(List, 1);
        _ = Directory.CreateDirectory(keys);
        using var retention = new ListRetention(_fixture.List, new ListWindow(_fixture.List.Log));
        Assert.Equal([0], retention.Apply(new Retention(RetentionKind.Keep, 2), null).Select(one => one.Segment));
        Assert.StartsWith($"segment 1 of {List} cannot be erased: ", retention.Fault, StringComparison.Ordinal);
        Assert.True(File.Exists(SegmentFiles.Data(List, 1)));
        Assert.False(File.Exists(keys + ".new"));
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(12)));
        Directory.Delete(keys);
        Assert.Equal([1, 2], retention.Apply(new Retention(RetentionKind.Keep, 2), null).Select(one => one.Segment));
        Assert.Null(retention.Fault);
    }

    [Fact]
    public void Segment_that_is_damaged_is_not_erased()
    {
        _ = Fill(25);
        _ = Seal();
        byte[] bytes = File.ReadAllBytes(SegmentFiles.Data(List, 0));
        bytes[24] = 0xff;
        bytes[25] = 0xff;
        File.WriteAllBytes(SegmentFiles.Data(List, 0), bytes);
        using var retention = new ListRetention(_fixture.List, new ListWindow(_fixture.List.Log));
        Assert.Empty(retention.Apply(new Retention(RetentionKind.Keep, 0), null));
        Assert.Contains("segment 0 of", retention.Fault, StringComparison.Ordinal);
        Assert.True(File.Exists(SegmentFiles.Data(List, 0)));
    }

    [Fact]
    public void Staging_moves_the_list_and_deletes_it_and_counts_from_its_beginning()
    {
        byte[] all = Fill(25);
        var window = new ListWindow(_fixture.List.Log);
        Assert.False(window.TryDeleteStaged());
        Assert.True(window.TryStage());
        Assert.False(window.TryStage());
        Assert.False(window.TryDelete(1));
        Assert.Equal(26, window.Staged.To.Entries);
        Assert.Equal(26, window.Current.From.Entries);
        _ = _fixture.Add(Entry.Number(100));
        window = new ListWindow(_fixture.List.Log);
        Assert.Equal(all.Length, window.Staged.To.BinaryBytes);
        Assert.True(window.TryDeleteStaged());
        _ = _fixture.Add(Entry.Number(101));
        _ = _fixture.Add(Entry.Number(102));
        Assert.False(window.TryDelete(4));
        Assert.True(window.TryDelete(2));
        LogWindow left = window.Current;
        Assert.Equal(new LogExtent(28, left.From.BinaryBytes, left.From.AsciiBytes), left.From);
        var view = new ListView(_fixture.List.Log, HashAlgorithm.Sha1, ascii: false, _digests, () => window.Current);
        byte[] last = new byte[1000];
        Assert.Equal(Entry.Number(102).Record(), last[..view.Read(last, 0)]);
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(3)));
        Assert.Equal(6, SegmentFiles.Numbers(List).Count + 3);
    }

    void RequireErased(ListWindow window, byte[] all)
    {
        long first = window.Current.From.BinaryBytes;
        Assert.Equal(30, window.Current.From.Entries);
        var view = new ListView(_fixture.List.Log, HashAlgorithm.Sha1, ascii: false, _digests, () => window.Current);
        byte[] shown = new byte[all.Length];
        Assert.Equal(all[(int)first..], shown[..view.Read(shown, 0)]);
        for (int number = 0; number < 57; number++)
        {
            Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(number)));
        }
    }

    byte[] Fill(int entries, bool violations = false)
    {
        var expected = new List<byte>(File.ReadAllBytes(_fixture.File));
        for (int number = 0; number < entries; number++)
        {
            Entry entry = Entry.Number(number) with { IsViolation = violations && number % 9 == 8 };
            Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
            expected.AddRange(entry.Record());
        }

        return [.. expected];
    }

    byte[] Read(byte[] buffer, long offset) => buffer[.._fixture.List.Log.ReadBinary(buffer, offset)];

    int Sealed() => _fixture.List.Log.Segments.Count(one => one.Sealed != null);

    int Seal()
    {
        using ListSealer sealer = NewSealer();
        int count = sealer.SealClosed();
        Assert.Null(sealer.Fault);
        return count;
    }

    ListSealer NewSealer() => new(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);
}
