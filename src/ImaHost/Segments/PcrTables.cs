using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>PCR values between memory and manifests.</summary>
static class PcrTables
{
    /// <summary>Without a TPM manifests tell what one would hold, so that segments can be verified all the same.</summary>
    public static readonly IReadOnlyList<HashAlgorithm> WithoutTpm = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];

    public static PcrTable Of(PcrBanks pcrs)
    {
        var table = new PcrTable();
        for (int i = 0; i < pcrs.Banks.Count; i++)
        {
            var values = new Dictionary<string, string>();
            foreach (int pcr in pcrs.Used.Order())
            {
                values.Add(pcr.ToString(CultureInfo.InvariantCulture), Convert.ToHexStringLower(pcrs[pcr][i].Bytes));
            }

            table.Add(pcrs.Banks[i].Name, values);
        }

        return table;
    }

    /// <exception cref="ManifestException">These are no PCR values.</exception>
    public static PcrBanks Read(PcrTable table, DigestSet digests)
    {
        HashAlgorithm[] banks = [.. table.Keys.Select(FindBank)];
        var pcrs = new PcrBanks(banks, digests);
        foreach (string name in table.Values.SelectMany(values => values.Keys).Distinct())
        {
            int pcr = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && number <= TpmCommands.MaxPcr ? number : throw new ManifestException($"\"{name}\" is no PCR");
            pcrs.Set(pcr, [.. banks.Select(bank => ReadValue(table[bank.Name].GetValueOrDefault(name), bank, pcr))]);
        }

        return pcrs;
    }

    static HashAlgorithm FindBank(string name) =>
        HashAlgorithm.FromName(name) ?? throw new ManifestException($"the bank \"{name}\" is not known here");

    static Digest ReadValue(string? hex, HashAlgorithm bank, int pcr)
    {
        byte[] bytes = new byte[bank.Size];
        return hex?.Length == 2 * bank.Size
            && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done
                ? new Digest(bank, bytes)
                : throw new ManifestException($"PCR {pcr} has no value of bank {bank}");
    }
}
