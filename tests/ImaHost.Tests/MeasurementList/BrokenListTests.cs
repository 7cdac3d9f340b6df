using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>
/// A list whose manifests or segments are damaged or missing before its end is not written on: the file is named, and
/// nothing is changed, by however many starts.
/// </summary>
public sealed class BrokenListTests : IDisposable
{
    const int Sealed = 4;

    readonly ListFixture _fixture = new(segment: 5);
    readonly DigestSet _digests = new();

    public BrokenListTests()
    {
        for (int number = 0; number < 22; number++)
        {
            _ = _fixture.Add(Entry.Number(number));
        }

        using var sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);
        Assert.Equal(Sealed, sealer.SealClosed());
    }

    string List => _fixture.List.Log.Path;

    public void Dispose()
    {
        _fixture.Dispose();
        _digests.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Damaged_manifest_before_others_is_named_and_nothing_is_changed(int number)
    {
        string manifest = SegmentFiles.Manifest(List, number);
        Flip(manifest, 100);
        RequireRefusal($"{manifest}: ", ", and sealed segments follow it");
        RequireVerdict(number, Path.GetFileName(manifest));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Missing_manifest_before_others_is_named_and_nothing_is_changed(int number)
    {
        string manifest = SegmentFiles.Manifest(List, number);
        File.Delete(manifest);
        RequireRefusal($"{manifest} is missing, and sealed segments follow it");
        RequireVerdict(number, $"its manifest is missing ({Path.GetFileName(manifest)})");
    }

    /// <summary>Nothing could be made of the entries before it, which are not there.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    public void Broken_manifest_behind_erased_segments_is_named_and_nothing_is_changed(int number, bool isThere)
    {
        EraseAllBut(2);
        string manifest = SegmentFiles.Manifest(List, number);
        if (isThere)
        {
            File.WriteAllText(manifest, "{}\n");
            RequireRefusal($"{manifest}: this is no manifest: ");
        }
        else
        {
            File.Delete(manifest);
            RequireRefusal($"{manifest} is missing, and sealed segments follow it");
        }
    }

    [Fact]
    public void Damaged_last_manifest_of_an_erased_segment_is_named_and_nothing_is_changed()
    {
        EraseAllBut(0);
        string manifest = SegmentFiles.Manifest(List, Sealed - 1);
        Flip(manifest, 100);
        RequireRefusal($"{manifest}: ", ", and its segment is erased, so that it cannot be made anew");
    }

    [Fact]
    public void Start_of_the_service_names_the_file_too_when_the_first_segment_is_erased()
    {
        EraseAllBut(1);
        string manifest = SegmentFiles.Manifest(List, 0);
        Flip(manifest, 100);
        _fixture.List.Dispose();
        ListException refused = Assert.Throws<ListException>(() => ListStore.Begin(_fixture.State, null, _fixture.Settings));
        Assert.StartsWith($"{manifest}: ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_segment_before_others_is_named_and_nothing_is_changed()
    {
        Array.ForEach([SegmentFiles.Manifest(List, 3), SegmentFiles.Data(List, 3)], File.Delete);
        RequireRefusal($"{SegmentFiles.Data(List, 3)} is missing, and other segments follow it");
        RequireVerdict(3, "no segment 3: ");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Last_sealed_segment_of_another_length_is_named_and_nothing_is_changed(int more)
    {
        string data = SegmentFiles.Data(List, Sealed - 1);
        long length = new FileInfo(data).Length;
        using (FileStream file = File.OpenWrite(data))
        {
            file.SetLength(length + more);
        }

        RequireRefusal(
            $"{SegmentFiles.Manifest(List, Sealed - 1)}: it is of {length} bytes, and {Path.GetFileName(data)} has {length + more}");
    }

    /// <summary>Its bytes say all that it said, and no other one depends on it.</summary>
    [Theory]
    [InlineData(".json", ".json.damaged")]
    [InlineData(".sha256", null)]
    public void Last_manifest_is_made_anew_from_the_bytes_when_it_or_what_is_beside_it_is_damaged(string suffix, string? aside)
    {
        string path = Path.ChangeExtension(SegmentFiles.Data(List, Sealed - 1), suffix);
        Flip(path, 90);
        byte[] bytes = File.ReadAllBytes(path);
        _fixture.Resume();
        Assert.Equal(23, _fixture.List.Log.Extent.Entries);
        using var sealer = new ListSealer(_fixture.List, _fixture.Settings, "1.2.3", quotes: null);
        Assert.Equal(1, sealer.SealClosed());
        Assert.True(aside == null || File.ReadAllBytes(Path.ChangeExtension(path, null) + aside).SequenceEqual(bytes));
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(17)));
    }

    static void Flip(string path, int at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    void EraseAllBut(int kept)
    {
        using var retention = new ListRetention(_fixture.List, new ListWindow(_fixture.List.Log));
        Assert.Equal(Sealed - kept, retention.Apply(new Retention(RetentionKind.Keep, kept), null).Count);
    }

    void RequireRefusal(params string[] said)
    {
        Dictionary<string, string> before = Snapshot();
        for (int start = 0; start < 2; start++)
        {
            ListException refused = Assert.Throws<ListException>(_fixture.Resume);
            Assert.All(said, one => Assert.Contains(one, refused.Message, StringComparison.Ordinal));
            Assert.EndsWith(
                $". Nothing was changed: bring the file back from a copy, or move {List} away and reboot to begin a new list",
                refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, Snapshot());
    }

    void RequireVerdict(int number, string problem) => Assert.Contains(
        new SegmentVerifier(List, 0, _digests).Run(),
        report => report.Segment == number && report.Problems.Any(one => one.Contains(problem, StringComparison.Ordinal)));

    Dictionary<string, string> Snapshot() => Directory.GetFiles(List).Where(path => path != StateDirectory.TableIn(List)).ToDictionary(
        path => Path.GetFileName(path), path => Convert.ToHexString(File.ReadAllBytes(path)));
}
