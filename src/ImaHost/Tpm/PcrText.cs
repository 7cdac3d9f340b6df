using System.Globalization;
using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>
/// A file with values of PCRs. Its first line tells the format: the output of tpm2_pcrread; lines "PCR-NN: HEX", which
/// evmctl takes and the kernel has for a TPM 1.2; or a digest alone, as the kernel has it for a TPM 2.0. For one text.
/// </summary>
/// <param name="path">In the last format its end, pcr-ALG/N, tells bank and PCR.</param>
/// <param name="only">The bank to read; null for all. In the second format it tells the bank.</param>
sealed class PcrText(string path, HashAlgorithm? only, PcrValues into)
{
    const int MaxPcr = 23; // PC Client Platform TPM Profile, 4.6: a TPM has PCRs 0 to 23

    int _line; // the number of the line that is read
    int _first; // the number of the first line that is not blank
    int _found;
    HashAlgorithm? _bank; // null in a bank that is not known

    /// <exception cref="PcrFormatException">The message says "FILE:LINE: " and what was expected.</exception>
    public void Read(string text)
    {
        Action<string>? format = null;
        foreach (string padded in text.Split('\n'))
        {
            _line++;
            string line = padded.Trim();
            if (line.Length > 0)
            {
                format ??= Recognise(line);
                format(line);
            }
        }

        _line = 1; // what follows is said of the whole file
        if (format == null)
        {
            throw Error("the file is empty; expected values of PCRs");
        }

        if (_found == 0)
        {
            throw Error($"there is no value of {Describe(only)} in the file");
        }
    }

    /// <summary>The banks that are read, for messages.</summary>
    public static string Describe(HashAlgorithm? only) =>
        only != null ? $"the bank {only}" : $"a known bank ({string.Join(", ", HashAlgorithm.Banks)})";

    /// <returns>The name of the bank whose PCRs a directory holds: "sha256" for "pcr-sha256"; else null.</returns>
    public static string? BankName(string directory)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        return name.StartsWith("pcr-", StringComparison.Ordinal) ? name["pcr-".Length..] : null;
    }

    Action<string> Recognise(string line)
    {
        _first = _line;
        return line switch
        {
            _ when line.StartsWith("PCR-", StringComparison.Ordinal) => TakeNamedPcr,
            _ when IsBank(line) => TakePcrRead,
            _ when IsHex(line) => TakeDigest,
            _ => throw Error("unknown format; expected tpm2_pcrread output, lines \"PCR-NN: HEX\" or a digest in hex"),
        };
    }

    /// <summary>tpm2_pcrread: "sha256:", below it "10: 0xHEX".</summary>
    void TakePcrRead(string line)
    {
        string[] parts = line.Split(':', 2, StringSplitOptions.TrimEntries);
        if (IsBank(line))
        {
            _bank = HashAlgorithm.FromBankName(parts[0]);
        }
        else if (parts is [var pcr, var value] && value.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            Take(_bank, pcr, value[2..]);
        }
        else
        {
            throw Error("expected \"BANK:\" or \"PCR: 0xHEX\"");
        }
    }

    /// <summary>evmctl and TPM 1.2: "PCR-10: 3D 45 8C". A file has one bank, told by its first digest.</summary>
    void TakeNamedPcr(string line)
    {
        string[] parts = line.Split(':', 2, StringSplitOptions.TrimEntries);
        if (parts is not [var pcr, var spaced] || !pcr.StartsWith("PCR-", StringComparison.Ordinal))
        {
            throw Error("expected \"PCR-NN: HEX\"");
        }

        string hex = spaced.Replace(" ", "", StringComparison.Ordinal);
        CheckHex(hex);
        _bank ??= only ?? BankOfLength(hex.Length / 2);
        Take(_bank, pcr["PCR-".Length..], hex);
    }

    /// <summary>The kernel's pcr-ALG/N: the digest is all that the file holds.</summary>
    void TakeDigest(string line)
    {
        if (_line != _first)
        {
            throw Error("expected nothing after the digest");
        }

        string full = Path.GetFullPath(path);
        string bank = BankName(Path.GetDirectoryName(full)!) ?? throw Error(
            "a digest alone; expected the file to be pcr-ALG/N, whose name tells bank and PCR");
        Take(HashAlgorithm.FromBankName(bank), Path.GetFileName(full), line);
    }

    void Take(HashAlgorithm? bank, string number, string hex)
    {
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int pcr) || pcr > MaxPcr)
        {
            throw Error($"expected a PCR from 0 to {MaxPcr}");
        }

        CheckHex(hex);
        if (bank == null || (only != null && bank != only))
        {
            return;
        }

        if (hex.Length != 2 * bank.Size)
        {
            throw Error($"{hex.Length / 2} bytes; expected the {bank.Size} of a digest in bank {bank}");
        }

        into.Set(bank, pcr, new Digest(bank, Convert.FromHexString(hex)), $"{path}:{_line}");
        _found++;
    }

    HashAlgorithm BankOfLength(int size) => size switch
    {
        20 => HashAlgorithm.Sha1,
        32 => HashAlgorithm.Sha256,
        48 => HashAlgorithm.Sha384,
        64 => HashAlgorithm.Sha512,
        _ => throw Error($"{size} bytes; expected the 20, 32, 48 or 64 of a digest"),
    };

    /// <summary>Begins with no digit: a PCR that lost its value must not pass for a bank that is not known.</summary>
    static bool IsBank(string line) => line.Length > 1 && line.IndexOf(':', StringComparison.Ordinal) == line.Length - 1
        && !char.IsAsciiDigit(line[0]);

    static bool IsHex(string text) => text.All(char.IsAsciiHexDigit);

    void CheckHex(string text)
    {
        if (!IsHex(text) || text.Length % 2 != 0)
        {
            throw Error("expected hex, two digits for each byte");
        }
    }

    PcrFormatException Error(string what) => new($"{path}:{_line}: {what}");
}
