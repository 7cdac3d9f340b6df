using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Measurement;

/// <summary>
/// The digest of the first entry, which ties the list to the measured boot (ima_calc_boot_aggregate): H(PCR 0 … 7), and
/// for every algorithm but SHA-1 also PCR 8 and 9.
/// </summary>
static class BootAggregate
{
    public static readonly byte[] Name = "boot_aggregate"u8.ToArray();

    /// <param name="source">The TPM; null: zeros under the name of the configured algorithm, as the kernel does.</param>
    public static Digest Compute(
        PcrSource? source, IReadOnlyList<HashAlgorithm> banks, HashAlgorithm imaHash, DigestSet digests)
    {
        HashAlgorithm? bank = Choose(banks, imaHash);
        return source != null && bank != null && TryCompute(source, bank, digests, out Digest digest)
            ? digest
            : Digest.Zero(imaHash);
    }

    /// <summary>The value for one bank.</summary>
    /// <returns>False when not all of its PCRs are known.</returns>
    public static bool TryCompute(PcrSource source, HashAlgorithm bank, DigestSet digests, out Digest digest)
    {
        int last = bank == HashAlgorithm.Sha1 ? 7 : 9;
        var values = new byte[(last + 1) * bank.Size];
        digest = default;
        for (int pcr = 0; pcr <= last; pcr++)
        {
            if (!source(bank, pcr, out Digest value))
            {
                return false;
            }

            value.Bytes.CopyTo(values.AsSpan(pcr * bank.Size));
        }

        digest = digests.Hash(bank, values);
        return true;
    }

    static HashAlgorithm? Choose(IReadOnlyList<HashAlgorithm> banks, HashAlgorithm imaHash) =>
        new[] { imaHash, HashAlgorithm.Sha256, HashAlgorithm.Sha1 }.FirstOrDefault(banks.Contains);
}
