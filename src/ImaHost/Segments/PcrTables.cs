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

    /// <summary>Those that a quote is about.</summary>
    public static PcrTable Of(QuotedPcrs quoted)
    {
        var table = new PcrTable();
        foreach (((HashAlgorithm bank, int pcr), Digest value) in quoted.Selection.Items.Zip(quoted.Values))
        {
            _ = table.TryAdd(bank.Name, []);
            table[bank.Name].Add(pcr.ToString(CultureInfo.InvariantCulture), Convert.ToHexStringLower(value.Bytes));
        }

        return table;
    }

    /// <summary>Has the PCRs of the banks that are there, also those that nothing has extended.</summary>
    public static PcrSource SourceOf(PcrBanks pcrs) => (HashAlgorithm bank, int pcr, out Digest value) =>
    {
        int place = pcrs.Banks.ToList().IndexOf(bank);
        value = place < 0 ? default : pcrs[pcr][place];
        return place >= 0;
    };

    /// <summary>The first PCR of the one table that the other has not, or has with another value; null: none.</summary>
    public static (string Bank, string Pcr, string? Found)? Difference(PcrTable expected, PcrTable found)
    {
        foreach ((string bank, Dictionary<string, string> values) in expected)
        {
            foreach ((string pcr, string value) in values)
            {
                string? other = found.GetValueOrDefault(bank)?.GetValueOrDefault(pcr);
                if (other != value)
                {
                    return (bank, pcr, other);
                }
            }
        }

        return null;
    }

    public static bool AreSame(PcrTable one, PcrTable other) =>
        one.Count == other.Count && Difference(one, other) == null && Difference(other, one) == null;

    /// <exception cref="ManifestException">These are no PCR values.</exception>
    public static PcrBanks Read(PcrTable table, DigestSet digests)
    {
        HashAlgorithm[] banks = [.. table.Select(bank => FindBank(bank.Key, bank.Value))];
        var pcrs = new PcrBanks(banks, digests);
        foreach (string name in table.Values.SelectMany(values => values.Keys).Distinct())
        {
            int pcr = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && number <= TpmCommands.MaxPcr ? number : throw new ManifestException($"\"{name}\" is no PCR");
            pcrs.Set(pcr, [.. banks.Select(bank => ReadValue(table[bank.Name].GetValueOrDefault(name), bank, pcr))]);
        }

        return pcrs;
    }

    static HashAlgorithm FindBank(string name, Dictionary<string, string>? values) =>
        HashAlgorithm.FromName(name) is not { } bank ? throw new ManifestException($"the bank \"{name}\" is not known here")
            : values == null ? throw new ManifestException($"the bank {name} has no values")
            : bank;

    static Digest ReadValue(string? hex, HashAlgorithm bank, int pcr)
    {
        byte[] bytes = new byte[bank.Size];
        return hex?.Length == 2 * bank.Size
            && Convert.FromHexString(hex, bytes, out _, out _) == System.Buffers.OperationStatus.Done
                ? new Digest(bank, bytes)
                : throw new ManifestException($"PCR {pcr} has no value of bank {bank}");
    }
}
