using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>
/// What can stand in a manifest at all, whoever wrote it: numbers that can be added without an overflow, PCRs that a TPM
/// has. Nobody who reads one has to ask again.
/// </summary>
static class ManifestBounds
{
    /// <summary>More than any list has; two of them can be added.</summary>
    const long Most = long.MaxValue / 4;

    /// <returns>What is wrong, naming the member; null: nothing.</returns>
    public static string? Fault(Manifest manifest)
    {
        using var digests = new DigestSet();
        return FaultOfNumbers(manifest)
            ?? FaultOf(manifest.Padded)
            ?? FaultOf(manifest.PcrsBefore, "pcrs_before", digests)
            ?? FaultOf(manifest.PcrsAfter, "pcrs_after", digests)
            ?? (manifest.Quote == null ? null : FaultOf(manifest.Quote.Pcrs, "the pcrs of its quote", digests));
    }

    static string? FaultOfNumbers(Manifest manifest)
    {
        (string Name, long Value, long Most)[] numbers =
        [
            ("segment", manifest.Segment, int.MaxValue), ("first_entry", manifest.FirstEntry, Most),
            ("entries", manifest.Entries, Most), ("first_byte", manifest.FirstByte, Most), ("bytes", manifest.Bytes, Most),
            ("first_ascii_byte", manifest.FirstAsciiByte, Most), ("ascii_bytes", manifest.AsciiBytes, Most),
            ("violations", manifest.Violations, manifest.Entries), ("pcr", manifest.Pcr, TpmCommands.MaxPcr),
            ("kernel_entries", manifest.KernelEntries, manifest.Entries),
            ("entries of its quote", manifest.Quote?.Entries ?? 0, 2 * Most),
        ];
        foreach ((string name, long value, long most) in numbers)
        {
            if (value < 0 || value > most)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{name} is {value}, and can be 0 to {most}");
            }
        }

        return null;
    }

    static string? FaultOf(IReadOnlyList<string> padded)
    {
        string? unknown = padded.FirstOrDefault(name => name == null || HashAlgorithm.FromName(name) == null);
        return unknown != null || padded.Contains(null) ? $"padded names the bank \"{unknown}\", which is not known here" : null;
    }

    static string? FaultOf(PcrTable table, string member, DigestSet digests)
    {
        try
        {
            _ = PcrTables.Read(table, digests);
            return null;
        }
        catch (ManifestException e)
        {
            return $"{member}: {e.Message}";
        }
    }
}
