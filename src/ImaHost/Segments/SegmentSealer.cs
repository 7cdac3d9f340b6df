using System.Text;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>Asks a TPM to sign a manifest and what the list's PCRs hold; null when it cannot now.</summary>
/// <param name="qualifyingData">The digest of the manifest (<see cref="Manifest.QualifyingData"/>).</param>
delegate ManifestQuote? QuoteSource(byte[] qualifyingData);

/// <summary>What a manifest says besides what the segment's bytes give.</summary>
/// <param name="Padded">Of the kernel's entries, if there are any.</param>
/// <param name="Extended">A TPM has had all entries up to the end of the segment.</param>
sealed record SealFacts(string BootId, IReadOnlyList<HashAlgorithm> Padded, bool Extended, string Version);

/// <summary>
/// Seals a segment that nothing is added to any more. The order makes a loss of power harmless at any moment: bytes,
/// then digests, then the manifest under its name, each on the disk before the next. Without a manifest the segment is
/// sealed again, from its bytes.
/// </summary>
sealed class SegmentSealer(string directory, IReadOnlyList<HashAlgorithm> banks, QuoteSource? quotes, DigestSet digests)
{
    /// <param name="before">The manifest before it; null for the first.</param>
    /// <param name="previous">That manifest's digest.</param>
    /// <exception cref="RecordException">The segment is damaged: it is not sealed.</exception>
    /// <exception cref="IOException">The disk refused it: it can be tried again.</exception>
    public SealedSegment Seal(int number, Manifest? before, Digest? previous, SealFacts facts)
    {
        LogExtent start = before?.End ?? default;
        using var data = new SegmentData(SegmentFiles.Data(directory, number), start);
        data.Flush();
        SegmentReplay replay = Begin(before, facts);
        PcrTable held = PcrTables.Of(replay.Pcrs);
        replay.Run(data.Open());
        var manifest = new Manifest
        {
            Schema = Manifest.CurrentSchema,
            List = Path.GetFileName(directory),
            BootId = facts.BootId,
            Segment = number,
            FirstEntry = start.Entries,
            Entries = replay.Extent.Entries,
            FirstByte = start.BinaryBytes,
            Bytes = replay.Extent.BinaryBytes,
            FirstAsciiByte = start.AsciiBytes,
            AsciiBytes = replay.Extent.AsciiBytes,
            Violations = replay.Violations,
            Pcr = before?.Pcr ?? replay.FirstPcr,
            KernelEntries = replay.KernelEntries,
            Padded = replay.KernelEntries > 0 ? [.. facts.Padded.Select(bank => bank.Name)] : [],
            Digest = data.Finish().ToString(),
            Previous = previous?.ToString(),
            PcrsBefore = held,
            PcrsAfter = PcrTables.Of(replay.Pcrs),
            Extended = facts.Extended,
            Time = WholeSeconds(DateTime.UtcNow),
            Version = facts.Version,
        };
        return Write(number, manifest with { Quote = quotes?.Invoke(manifest.QualifyingData(digests)) });
    }

    SegmentReplay Begin(Manifest? before, SealFacts facts)
    {
        if (before == null)
        {
            return new SegmentReplay(new PcrBanks(banks, digests), byKernel: true, facts.Padded, digests);
        }

        PcrBanks pcrs = PcrTables.Read(before.PcrsAfter, digests);
        bool isKernels = before.KernelEntries == before.Entries;
        return new SegmentReplay(pcrs, isKernels, facts.Padded, digests);
    }

    SealedSegment Write(int number, Manifest manifest)
    {
        byte[] bytes = manifest.ToBytes();
        Digest digest = digests.Hash(HashAlgorithm.Sha256, bytes);
        string detached = SegmentFiles.DetachedText(number, manifest.Digest, digest.ToString());
        DurableFile.Write(SegmentFiles.Detached(directory, number), Encoding.ASCII.GetBytes(detached));
        DurableFile.Write(SegmentFiles.Manifest(directory, number), bytes);
        return new SealedSegment(manifest, digest);
    }

    static DateTime WholeSeconds(DateTime time) => time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond));
}

/// <param name="ManifestDigest">Of the manifest's bytes.</param>
sealed record SealedSegment(Manifest Manifest, Digest ManifestDigest);
