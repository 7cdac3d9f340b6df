using System.Globalization;
using System.Text.RegularExpressions;
using ImaHost.MeasurementList;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>A list that a kernel wrote, with what its TPM held afterwards.</summary>
sealed partial class KernelVector
{
    KernelVector(string name) => Name = name;

    public string Name { get; }

    public byte[] Binary => File.ReadAllBytes(PathOf("binary_runtime_measurements"));

    public byte[] Ascii => File.ReadAllBytes(PathOf("ascii_runtime_measurements"));

    /// <summary>The cases whose entries use no template but ima-ng and ima-sig.</summary>
    public static TheoryData<string> Names =>
    [
        "ima-ng-sha1", "ima-ng-sha256", "ima-sig", "tcb-ima-sig", "dedupe", "names", "violations", "appraise-enforce",
        "boot-aggregate-sha1", "boot-aggregate-sha256",
    ];

    public static KernelVector Open(string name) => new(name);

    public LogReader Reader() => new(Source(Binary));

    /// <summary>The value of a PCR after the list was read; null when the TPM has no such bank.</summary>
    public byte[]? PcrAfter(string bank, int pcr) => ReadPcr("pcr_after.txt", bank, pcr);

    public byte[]? PcrBefore(string bank, int pcr) => ReadPcr("pcr_before.txt", bank, pcr);

    public static ByteSource Source(byte[] bytes, int most = int.MaxValue) => (buffer, offset) =>
    {
        int count = (int)Math.Min(Math.Min(buffer.Length, most), bytes.Length - offset);
        bytes.AsSpan((int)offset, count).CopyTo(buffer);
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
