using System.Globalization;
using ImaHost.Crypto;

namespace ImaHost.Segments;

/// <summary>
/// Walks along the sealed segments of a list from the first on, as far as each manifest names the one before it and the
/// file has the length that it says. Nothing is read of the segments: their bytes are verified by
/// <see cref="SegmentVerifier"/>, and when a list is opened by the PCRs that they end in. One manifest is in memory at a time.
/// </summary>
sealed class SealedChain(string directory, DigestSet digests)
{
    string? _cause;
    bool _isDataOther;

    /// <summary>Segments that were passed.</summary>
    public int Count { get; private set; }

    /// <summary>The last one that was passed, or null.</summary>
    public SealedSegment? Last { get; private set; }

    /// <summary>The manifest at which the chain ends though there is one, or null. Known at the end.</summary>
    public string? Damaged { get; private set; }

    /// <summary>All of it.</summary>
    /// <param name="walked">At its end.</param>
    public static IReadOnlyList<SealedSegment> Read(string directory, DigestSet digests, out SealedChain walked)
    {
        var segments = new List<SealedSegment>();
        walked = new SealedChain(directory, digests);
        while (walked.TryNext())
        {
            segments.Add(walked.Last!);
        }

        return segments;
    }

    /// <summary>Goes on to the next segment.</summary>
    /// <returns>False at the end.</returns>
    public bool TryNext()
    {
        string path = SegmentFiles.Manifest(directory, Count);
        if (Damaged != null || !File.Exists(path))
        {
            return false;
        }

        _cause = TryRead(path, out SealedSegment? next) ?? WhyNotNext(next!);
        if (_cause != null)
        {
            Damaged = path;
            return false;
        }

        Last = next;
        Count++;
        return true;
    }

    /// <summary>
    /// Why the list must not be written on behind the chain, in one sentence; null: what follows was not sealed yet, or its
    /// last manifest can be made anew from its bytes. No crash leaves such a thing, for segments are sealed in their order:
    /// to go on would overwrite what still proves something. Asked at the end.
    /// </summary>
    public string? FindBreak()
    {
        int[] after = [.. SegmentFiles.Numbers(directory).Where(number => number >= Count)];
        int gap = Enumerable.Range(Count, after.Length).FirstOrDefault(
            number => !File.Exists(SegmentFiles.Data(directory, number)), -1);
        bool isInTheMiddle = after.Any(number => number > Count && File.Exists(SegmentFiles.Manifest(directory, number)));
        string? what = (Damaged, isInTheMiddle) switch
        {
            ({ } path, true) => $"{path}: {_cause}, and sealed segments follow it",
            ({ } path, false) when gap == Count => $"{path}: {_cause}, and its segment is erased, so that it cannot be made anew",
            ({ } path, false) when _isDataOther => $"{path}: {_cause}",
            (null, true) => $"{SegmentFiles.Manifest(directory, Count)} is missing, and sealed segments follow it",
            _ when gap >= 0 => $"{SegmentFiles.Data(directory, gap)} is missing, and other segments follow it",
            _ => null,
        };
        return what == null ? null
            : $"{what}. Nothing was changed: bring the file back from a copy, or move {directory} away and reboot to begin a new list";
    }

    /// <returns>Why it is no manifest, or null.</returns>
    string? TryRead(string path, out SealedSegment? segment)
    {
        segment = null;
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            var manifest = Manifest.Read(bytes);
            segment = new SealedSegment(manifest, digests.Hash(HashAlgorithm.Sha256, bytes));
            return null;
        }
        catch (ManifestException e)
        {
            return e.Message;
        }
    }

    /// <summary>Does it follow, are the digests beside it its own, has the segment its length? An erased one has none.</summary>
    string? WhyNotNext(SealedSegment next)
    {
        Manifest manifest = next.Manifest;
        var data = new FileInfo(SegmentFiles.Data(directory, Count));
        string beside = SegmentFiles.Detached(directory, Count);
        string expected = SegmentFiles.DetachedText(Count, manifest.Digest, next.ManifestDigest.ToString());
        _isDataOther = data.Exists && data.Length != manifest.Bytes;
        return manifest.Segment != Count ? string.Create(CultureInfo.InvariantCulture, $"it is the manifest of segment {manifest.Segment}")
            : manifest.Previous != Last?.ManifestDigest.ToString() ? "it does not follow the manifest before it"
            : manifest.Start != (Last?.Manifest.End ?? default) ? "it does not begin where the segment before it ends"
            : _isDataOther ? string.Create(
                CultureInfo.InvariantCulture, $"it is of {manifest.Bytes} bytes, and {data.Name} has {data.Length}")
            : !File.Exists(beside) ? $"{Path.GetFileName(beside)} is missing"
            : File.ReadAllText(beside) != expected ? $"{Path.GetFileName(beside)} names other digests"
            : null;
    }
}
