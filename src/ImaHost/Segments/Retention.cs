using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Segments;

/// <summary>Which sealed segments are kept.</summary>
enum RetentionKind
{
    All,
    /// <summary>The latest ones, so many.</summary>
    Keep,
    /// <summary>Those that were sealed no longer ago than so many seconds.</summary>
    Since,
    /// <summary>Those that were not exported.</summary>
    Exported,
}

/// <summary>What is erased, and what is not.</summary>
sealed record Retention(RetentionKind Kind, long Limit = 0)
{
    public static Retention All { get; } = new(RetentionKind.All);

    /// <summary>The sealed segments of a list that need not be kept: from the first on, without a gap.</summary>
    /// <param name="exported">The first segment that is not exported.</param>
    public IReadOnlyList<SealedSegment> Find(IReadOnlyList<SealedSegment> segments, int exported, DateTime now) => Kind switch
    {
        RetentionKind.All => [],
        RetentionKind.Keep => [.. segments.Take((int)Math.Max(segments.Count - Limit, 0))],
        RetentionKind.Since => [.. segments.TakeWhile(one => (now - one.Manifest.Time).TotalSeconds > Limit)],
        RetentionKind.Exported => [.. segments.TakeWhile(one => one.Manifest.Segment < exported)],
        _ => throw new InvalidOperationException($"retention {Kind}"),
    };
}

/// <summary>A segment whose bytes are gone.</summary>
/// <param name="Warning">What nobody can verify any more, or null: a TPM has signed what it ended in.</param>
sealed record ErasedSegment(int Segment, long FirstEntry, long Entries, long Bytes, string? Warning);

/// <summary>Erases the bytes of sealed segments. Manifests stay, and the keys of the entries of a list that goes on.</summary>
static class SegmentEraser
{
    /// <param name="keepsKeys">The list may go on: what was measured once is not measured again.</param>
    /// <exception cref="IOException">The disk refused it: the segment is still there.</exception>
    public static ErasedSegment Erase(string directory, SealedSegment segment, bool keepsKeys, DigestSet digests)
    {
        Manifest manifest = segment.Manifest;
        string data = SegmentFiles.Data(directory, manifest.Segment);
        if (keepsKeys)
        {
            using var bytes = new SegmentData(data, manifest.Start);
            EntryKeys.Write(SegmentFiles.Keys(directory, manifest.Segment), bytes, digests);
        }

        File.Delete(data);
        DurableFile.SyncDirectory(directory);
        return new ErasedSegment(manifest.Segment, manifest.FirstEntry, manifest.Entries, manifest.Bytes, Warn(manifest));
    }

    static string? Warn(Manifest manifest) => manifest.Quote != null
        ? null
        : string.Create(
            CultureInfo.InvariantCulture,
            $"no TPM has signed its manifest: unless a copy is kept elsewhere nobody can verify any more that the entries {manifest.FirstEntry} to {manifest.FirstEntry + manifest.Entries - 1} led to what PCR {manifest.Pcr} held after them");
}
