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

    /// <param name="tpm">Null: zeros under the name of the configured algorithm, as the kernel does.</param>
    public static Digest Compute(
        TpmCommands? tpm, IReadOnlyList<HashAlgorithm> banks, HashAlgorithm imaHash, DigestSet digests)
    {
        HashAlgorithm? bank = Choose(banks, imaHash);
        if (tpm == null || bank == null)
        {
            return Digest.Zero(imaHash);
        }

        int last = bank == HashAlgorithm.Sha1 ? 7 : 9;
        var values = new byte[(last + 1) * bank.Size];
        for (int pcr = 0; pcr <= last; pcr++)
        {
            tpm.ReadPcr(bank, pcr).Bytes.CopyTo(values.AsSpan(pcr * bank.Size));
        }

        return digests.Hash(bank, values);
    }

    static HashAlgorithm? Choose(IReadOnlyList<HashAlgorithm> banks, HashAlgorithm imaHash) =>
        new[] { imaHash, HashAlgorithm.Sha256, HashAlgorithm.Sha1 }.FirstOrDefault(banks.Contains);
}
