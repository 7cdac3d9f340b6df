using System.Globalization;
using System.Text;
using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>What an entry of a blacklist revokes.</summary>
enum BlacklistKind : byte
{
    /// <summary>bin: a content.</summary>
    Digest,
    /// <summary>tbs: a certificate.</summary>
    Certificate,
    /// <summary>key: a key.</summary>
    Key,
}

/// <summary>One line of a blacklist.</summary>
readonly record struct BlacklistEntry(BlacklistKind Kind, byte[] Bytes);

/// <summary>Reads files of revocations. A line that is not understood takes none of the others out of force.</summary>
static class BlacklistReader
{
    const int MostBytes = 64 << 20;

    /// <summary>A signature names four bytes of its key; the identifiers of RFC 7093 have up to 64.</summary>
    const int LeastKeyBytes = 4;

    /// <summary>Takes the entries of a file, and FILE:LINE: REASON for what is none.</summary>
    /// <returns>False when the file could not be read.</returns>
    public static bool TryRead(string file, List<BlacklistEntry> entries, List<string> warnings)
    {
        // Whoever may write it can only take trust away, or keep it: it is told of, and counts.
        if (VoucherFiles.TryRead(file, MostBytes, warnings, takesExposed: true) is not { } content)
        {
            return false;
        }

        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            number++;
            string text = line.AsSpan(0, line.IndexOf('#', StringComparison.Ordinal) is var at and >= 0 ? at : line.Length)
                .Trim().ToString();
            if (text.Length > 0 && Parse(text, entries) is { } why)
            {
                warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{file}:{number}: {why}"));
            }
        }

        return true;
    }

    /// <returns>Why it is no entry, or null.</returns>
    static string? Parse(string text, List<BlacklistEntry> entries)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        BlacklistKind? kind = (colon < 0 ? "" : text[..colon]) switch
        {
            "bin" => BlacklistKind.Digest,
            "tbs" => BlacklistKind.Certificate,
            "key" => BlacklistKind.Key,
            _ => null,
        };
        string hex = text[(colon + 1)..];
        if (kind is not { } known)
        {
            return $"\"{Shorten(text)}\" is not bin:HEX, tbs:HEX or key:HEX";
        }

        if (hex.Length % 2 != 0 || hex.Length == 0 || !hex.All(char.IsAsciiHexDigit))
        {
            return $"\"{Shorten(hex)}\" are no bytes in hexadecimal digits";
        }

        byte[] bytes = Convert.FromHexString(hex);
        string? why = WhyNot(known, bytes.Length);
        if (why == null)
        {
            entries.Add(new BlacklistEntry(known, bytes));
        }

        return why;
    }

    static string? WhyNot(BlacklistKind kind, int length) =>
        kind == BlacklistKind.Key
            ? length is >= LeastKeyBytes and <= HashAlgorithm.MaxSize
                ? null
                : $"{length} bytes name no key; it takes {LeastKeyBytes} to {HashAlgorithm.MaxSize}"
            : HashAlgorithm.All.Any(hash => hash.Size == length) ? null : $"{length} bytes are no digest that is known here";

    static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
