using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary>
/// The manifests of segments that came with evidence: each must be about its part of the list, follow the one before, and
/// have been signed by the trusted key if it was signed.
/// </summary>
sealed class EvidenceManifests(string directory, QuoteKey trusted)
{
    /// <summary>Longer than any, however many PCRs and banks there are.</summary>
    const int MostBytes = 1 << 20;

    const string Claim = "describes its part of the list and follows the manifest before it";

    /// <summary>The files that are looked at.</summary>
    public static IEnumerable<string> NamesIn(string directory) =>
        SegmentFiles.Numbers(Path.Combine(directory, EvidenceFiles.Segments)).Select(NameOf);

    public IEnumerable<QuoteCheck> Run()
    {
        using var digests = new DigestSet();
        string? previous = null;
        foreach (string name in NamesIn(directory))
        {
            string? fault = Check(name, ref previous, digests);
            yield return new QuoteCheck(name, Claim, fault == null ? null : $"{name} {fault}");
        }
    }

    static string NameOf(int number) => SegmentFiles.Manifest(EvidenceFiles.Segments, number);

    /// <param name="previous">The digest of the manifest before it; set to its own.</param>
    string? Check(string name, ref string? previous, DigestSet digests)
    {
        string path = Path.Combine(directory, name);
        if (!FileStat.TryOfPath(path, out FileStat stat) || !stat.IsRegular || stat.Size > MostBytes)
        {
            return "is no manifest";
        }

        byte[] bytes = File.ReadAllBytes(path);
        string? before = previous;
        previous = digests.Hash(HashAlgorithm.Sha256, bytes).ToString();
        try
        {
            var manifest = Manifest.Read(bytes);
            return NameOf(manifest.Segment) != name ? $"is that of segment {manifest.Segment}"
                : before != null && manifest.Previous != before ? "does not follow the manifest before it"
                : manifest.Quote != null && SignedManifest.Fault(manifest, trusted, digests) is { } unsigned ? $"is not signed: {unsigned}"
                : DigestOf(manifest, digests) != manifest.Digest ? $"is of other bytes than {EvidenceFiles.Binary} has there"
                : null;
        }
        catch (ManifestException e)
        {
            return e.Message;
        }
    }

    /// <summary>Of the part of the list that it is about.</summary>
    string DigestOf(Manifest manifest, DigestSet digests)
    {
        const int chunkBytes = 1 << 18;
        EvpDigest context = digests[HashAlgorithm.Sha256];
        context.Reset();
        using FileStream list = File.OpenRead(Path.Combine(directory, EvidenceFiles.Binary));
        list.Position = manifest.FirstByte;
        byte[] chunk = new byte[chunkBytes];
        long left = manifest.Bytes;
        for (int got; left > 0 && (got = list.Read(chunk, 0, (int)Math.Min(left, chunk.Length))) > 0; left -= got)
        {
            context.Update(chunk.AsSpan(0, got));
        }

        byte[] digest = new byte[HashAlgorithm.Sha256.Size];
        context.Finish(digest);
        return new Digest(HashAlgorithm.Sha256, digest).ToString();
    }
}
