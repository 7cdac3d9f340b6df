using System.Text;
using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>
/// Reads the values of PCRs from what tools and kernels write: the files that <see cref="PcrText"/> understands, and
/// the directories of the kernel (Documentation/ABI/stable/sysfs-class-tpm, "pcr-H/N").
/// </summary>
static class PcrValueReader
{
    const int MaxBytes = 1 << 20;

    /// <param name="argument">
    /// PATH, or BANK,PATH as evmctl has it: then this bank alone is read. PATH is a file, a directory pcr-ALG, or one
    /// that holds such directories. A path that exists is a path, whatever commas it has.
    /// </param>
    /// <param name="into">Gets the values, also those that come before an error.</param>
    /// <exception cref="PcrFormatException">No value was found, or what was found is not understood.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static void Read(string argument, PcrValues into)
    {
        HashAlgorithm? only = TakeBank(argument, out string path);
        if (Directory.Exists(path))
        {
            ReadDirectory(path, only, into);
        }
        else
        {
            ReadFile(path, only, into);
        }
    }

    static HashAlgorithm? TakeBank(string argument, out string path)
    {
        path = argument;
        int comma = argument.IndexOf(',', StringComparison.Ordinal);
        if (comma < 0 || argument[..comma].Contains('/', StringComparison.Ordinal) || Path.Exists(argument))
        {
            return path.Length > 0 ? null : throw new PcrFormatException("--pcrs wants PATH or BANK,PATH");
        }

        string bank = argument[..comma];
        path = argument[(comma + 1)..];
        if (path.Length == 0)
        {
            throw new PcrFormatException($"--pcrs {argument}: there is no path after the comma");
        }

        string known = string.Join(", ", HashAlgorithm.Banks);
        return HashAlgorithm.FromBankName(bank) ?? throw new PcrFormatException(
            $"--pcrs {argument}: there is no such file, and \"{bank}\" is no bank: use {known}");
    }

    static void ReadDirectory(string path, HashAlgorithm? only, PcrValues into)
    {
        string[] banks = PcrText.BankName(path) != null ? [path] : Directory.GetDirectories(path, "pcr-*");
        IEnumerable<string> wanted = banks.Where(bank => IsWanted(bank, only));
        string[] files = [.. wanted.SelectMany(Directory.GetFiles).Where(IsNumbered)];
        if (files.Length == 0)
        {
            throw new PcrFormatException(
                $"{path}: no PCR of {PcrText.Describe(only)}; expected files pcr-ALG/N as in /sys/class/tpm/tpm0");
        }

        // The system's order is accidental; which error is told, and the order of the banks, shall not be.
        Array.Sort(files, StringComparer.Ordinal);
        foreach (string file in files)
        {
            ReadFile(file, only, into);
        }
    }

    static bool IsWanted(string directory, HashAlgorithm? only)
    {
        HashAlgorithm? bank = HashAlgorithm.FromBankName(PcrText.BankName(directory) ?? "");
        return bank != null && (only == null || bank == only);
    }

    static bool IsNumbered(string file) => Path.GetFileName(file).All(char.IsAsciiDigit);

    static void ReadFile(string path, HashAlgorithm? only, PcrValues into) =>
        new PcrText(path, only, into).Read(ReadText(path));

    /// <summary>Reads to the end whatever length is told: sysfs says 4096, a pipe 0.</summary>
    static string ReadText(string path)
    {
        using FileStream file = File.OpenRead(path);
        using var bytes = new MemoryStream();
        byte[] chunk = new byte[4096];
        for (int got; (got = file.Read(chunk)) > 0;)
        {
            bytes.Write(chunk, 0, got);
            if (bytes.Length > MaxBytes)
            {
                throw new PcrFormatException($"{path}:1: the file is longer than 1 MiB, which no PCR values are");
            }
        }

        return Encoding.Latin1.GetString(bytes.ToArray());
    }
}
