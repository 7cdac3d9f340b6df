using System.Globalization;
using System.Text.RegularExpressions;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>A list that a kernel wrote, with what its TPM held afterwards.</summary>
sealed partial class KernelVector
{
    KernelVector(string name) => Name = name;

    public string Name { get; }

    public byte[] Binary => File.ReadAllBytes(BinaryPath);

    public byte[] Ascii => File.ReadAllBytes(AsciiPath);

    public string BinaryPath => PathOf("binary_runtime_measurements");

    public string AsciiPath => PathOf("ascii_runtime_measurements");

    /// <summary>The banks of its TPM.</summary>
    public IReadOnlyList<HashAlgorithm> Banks => [.. HashAlgorithm.All.Where(bank => PcrAfter(bank.Name, 0) != null)];

    /// <summary>All cases, with the entries and the violations that the kernel counted.</summary>
    public static TheoryData<string, int, int> Counts => new()
    {
        { "appraise-enforce", 12, 0 },
        { "boot-aggregate-sha1", 3, 1 },
        { "boot-aggregate-sha256", 3, 1 },
        { "dedupe", 8, 0 },
        { "evm-sig", 2, 0 },
        { "ima-buf-critical", 2, 0 },
        { "ima-legacy", 7, 0 },
        { "ima-ng-sha1", 4, 0 },
        { "ima-ng-sha256", 4, 0 },
        { "ima-ngv2", 5, 1 },
        { "ima-sig", 10, 1 },
        { "names", 25, 1 },
        { "rule-pcr-template", 8, 1 },
        { "tcb-ima-sig", 87, 0 },
        { "violations", 19, 9 },
    };

    public static TheoryData<string> Names => [.. Counts.Select(row => row.Data.Item1)];

    public static KernelVector Open(string name) => new(name);

    /// <param name="most">Bytes that one read of the source gives at most.</param>
    public LogReader Reader(int most = int.MaxValue) => new(Source(Binary, most));

    public AsciiReader AsciiReader(int most = int.MaxValue) => new(Source(Ascii, most));

    /// <summary>The PCRs after the list was read: 0 to 11, and 23 where the list uses it.</summary>
    public PcrValues ReadPcrs()
    {
        var values = new PcrValues();
        foreach (HashAlgorithm bank in Banks)
        {
            for (int pcr = 0; pcr < 24; pcr++)
            {
                if (PcrAfter(bank.Name, pcr) is { } value)
                {
                    values.Set(bank, pcr, new Digest(bank, value));
                }
            }
        }

        return values;
    }

    /// <summary>The value of a PCR after the list was read; null when the TPM has no such bank.</summary>
    public byte[]? PcrAfter(string bank, int pcr) => ReadPcr("pcr_after.txt", bank, pcr);

    public byte[]? PcrBefore(string bank, int pcr) => ReadPcr("pcr_before.txt", bank, pcr);

    public static ByteSource Source(byte[] bytes, int most = int.MaxValue) => (buffer, offset) =>
    {
        int count = (int)Math.Clamp(bytes.Length - offset, 0, Math.Min(buffer.Length, most));
        bytes.AsSpan((int)Math.Min(offset, bytes.Length), count).CopyTo(buffer);
        return count;
    };

    string PathOf(string file) => Repository.Locate("tests", "testdata", "vectors", Name, file);

    /// <summary>The format is tpm2_pcrread's: a line for each bank, below it a line for each PCR.</summary>
    byte[]? ReadPcr(string file, string bank, int pcr)
    {
        string? current = null;
        foreach (string line in File.ReadLines(PathOf(file)))
        {
            Match value = ValueLine().Match(line);
            current = value.Success ? current : line.Trim().TrimEnd(':');
            if (value.Success && current == bank && int.Parse(value.Groups[1].Value, CultureInfo.InvariantCulture) == pcr)
            {
                return Convert.FromHexString(value.Groups[2].Value);
            }
        }

        return null;
    }

    [GeneratedRegex(@"^\s*(\d+)\s*: 0x([0-9A-Fa-f]+)$")]
    private static partial Regex ValueLine();
}
