using ImaHost.Crypto;

namespace ImaHost.Segments;

/// <summary>
/// The sealed segments of a list from the first on, as far as each manifest names the one before it and the file has the
/// length that it says. Nothing is read of the segments: their bytes are verified by <see cref="SegmentVerifier"/>, and
/// when a list is opened by the PCRs that they end in.
/// </summary>
static class SealedChain
{
    /// <param name="damaged">The manifest at which it ends though there is one, or null.</param>
    public static IReadOnlyList<SealedSegment> Read(string directory, DigestSet digests, out string? damaged)
    {
        var chain = new List<SealedSegment>();
        damaged = null;
        for (string path; File.Exists(path = SegmentFiles.Manifest(directory, chain.Count));)
        {
            SealedSegment? next = TryRead(path, digests);
            if (next == null || !Follows(next.Manifest, chain) || !IsComplete(directory, next))
            {
                damaged = path;
                break;
            }

            chain.Add(next);
        }

        return chain;
    }

    static SealedSegment? TryRead(string path, DigestSet digests)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            var manifest = Manifest.Read(bytes);
            _ = PcrTables.Read(manifest.PcrsAfter, digests);
            return new SealedSegment(manifest, digests.Hash(HashAlgorithm.Sha256, bytes));
        }
        catch (ManifestException)
        {
            return null;
        }
    }

    static bool Follows(Manifest manifest, List<SealedSegment> chain) =>
        manifest.Segment == chain.Count && manifest.Previous == chain.LastOrDefault()?.ManifestDigest.ToString()
        && manifest.Start == (chain.LastOrDefault()?.Manifest.End ?? default);

    /// <summary>Are the digests beside it its own, and has the segment its length? An erased one has none.</summary>
    static bool IsComplete(string directory, SealedSegment segment)
    {
        Manifest manifest = segment.Manifest;
        var file = new FileInfo(SegmentFiles.Data(directory, manifest.Segment));
        string detached = SegmentFiles.Detached(directory, manifest.Segment);
        return (!file.Exists || file.Length == manifest.Bytes) && File.Exists(detached)
            && File.ReadAllText(detached) == SegmentFiles.DetachedText(manifest.Segment, manifest.Digest, segment.ManifestDigest.ToString());
    }
}
