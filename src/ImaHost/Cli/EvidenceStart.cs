using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tpm;
using static System.FormattableString;

namespace ImaHost.Cli;

/// <summary>A manifest that the verifier trusts, with all that came before its end.</summary>
/// <param name="Digest">Of its bytes, as the next one names it.</param>
sealed record TrustedBase(Manifest Manifest, string Digest)
{
    /// <exception cref="ConfigurationException">The file holds no manifest.</exception>
    public static TrustedBase Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        using var digests = new DigestSet();
        try
        {
            return new TrustedBase(Manifest.Read(bytes), digests.Hash(HashAlgorithm.Sha256, bytes).ToString());
        }
        catch (ManifestException e)
        {
            throw new ConfigurationException($"--base {path}: {e.Message}");
        }
    }
}

/// <summary>Where the replay of evidence can begin.</summary>
/// <param name="Offset">In the file, bytes.</param>
/// <param name="Entry">The number of the entry there.</param>
/// <param name="From">What the PCRs held before it; null: it is the first of all.</param>
sealed record EvidenceStart(long Offset, long Entry, ReplayBase? From)
{
    /// <param name="why">Why there is no such place.</param>
    public static EvidenceStart? Find(EvidencePlace place, TrustedBase? trusted, PcrSelection quoted, DigestSet digests, out string why)
    {
        why = "";
        if (trusted == null)
        {
            why = Missing(0, place.FirstEntry);
            return place.FirstEntry == 0 ? new EvidenceStart(0, 0, null) : null;
        }

        Manifest known = trusted.Manifest;
        LogExtent end = known.End;
        long offset = end.BinaryBytes - place.FirstByte;
        string? lacking = quoted.Banks.Select(bank => bank.Bank.Name).FirstOrDefault(bank => !known.PcrsAfter.ContainsKey(bank));
        why = end.Entries < place.FirstEntry ? Missing(end.Entries, place.FirstEntry)
            : end.Entries > place.FirstEntry + place.Entries
                ? Invariant($"ends with entry {place.FirstEntry + place.Entries - 1}, and the base with entry {end.Entries - 1}: it is too old for that base")
            : offset < 0 || offset > place.Bytes || (offset == 0) != (end.Entries == place.FirstEntry)
                ? Invariant($"begins at byte {place.FirstByte}, which does not go with the base, that ends at byte {end.BinaryBytes}")
            : lacking != null ? $"cannot be replayed in bank {lacking}, of which the base has no values"
            : "";
        return why.Length > 0 ? null : new EvidenceStart(
            offset, end.Entries,
            new ReplayBase(end, PcrTables.Read(known.PcrsAfter, digests), known.KernelEntries == known.Entries));
    }

    static string Missing(long from, long to) => Invariant(
        $"begins with entry {to}: entries {from} to {to - 1} are missing (erased). Who has verified them passes the manifest of the segment that ends with entry {to - 1}, or of a later one: --base FILE (as in segments/, but from where you trust it)");
}
