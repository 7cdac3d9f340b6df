using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>A list that a kernel wrote, and the PCRs after it: a case of tests/testdata/vectors.</summary>
public sealed class Vector
{
    const int Pcrs = 24;
    static readonly Dictionary<(string Name, string Bank), string> Converted = [];

    Vector(string name) => Name = name;

    public static TheoryData<string> Names =>
        [.. Directory.GetDirectories(Root).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public string Name { get; }

    public string BinaryPath => Path.Combine(Root, Name, "binary_runtime_measurements");

    public string PcrsPath => Path.Combine(Root, Name, "pcr_after.txt");

    /// <summary>The offset of each record, and of the end.</summary>
    public IReadOnlyList<int> Boundaries
    {
        get
        {
            byte[] list = File.ReadAllBytes(BinaryPath);
            return [.. Replay.Walk(list), list.Length];
        }
    }

    /// <summary>The banks of its TPM that evmctl knows.</summary>
    public string[] BanksForEvmctl => [.. ((string[])["sha1", "sha256"]).Where(
        bank => File.ReadLines(PcrsPath).Any(line => line.Trim() == $"{bank}:"))];

    public bool HasViolations => File.ReadLines(Path.Combine(Root, Name, "ascii_runtime_measurements"))
        .Any(line => line.Contains($" {new string('0', 40)} ", StringComparison.Ordinal));

    static string Root => Path.Combine(Bench.Repository, "tests/testdata/vectors");

    public static Vector Open(string name) => new(name);

    /// <summary>
    /// One bank as evmctl reads it. It stops at the first PCR that is missing, and the captures have 0 to 11 and 23:
    /// the others, which no list here uses, are given as zeros.
    /// </summary>
    public string PcrsForEvmctl(string bank)
    {
        if (Converted.TryGetValue((Name, bank), out string? known))
        {
            return known;
        }

        string[] lines = File.ReadAllLines(PcrsPath);
        int start = Array.FindIndex(lines, line => line.Trim() == $"{bank}:") + 1;
        Assert.True(start > 0, $"{PcrsPath} has no bank {bank}");
        string[] own = [.. lines[start..].TakeWhile(line => !line.EndsWith(':'))];
        int digits = own[0].Length - own[0].IndexOf("0x", StringComparison.Ordinal) - 2;
        IEnumerable<string> missing = Enumerable.Range(0, Pcrs)
            .Where(pcr => !own.Any(line => line.StartsWith($"    {pcr,-2}: ", StringComparison.Ordinal)))
            .Select(pcr => string.Create(CultureInfo.InvariantCulture, $"    {pcr,-2}: 0x{new string('0', digits)}"));
        string path = Bench.NewFile($"{Name}-{bank}", $"  {bank}:\n{string.Join('\n', own.Concat(missing))}\n");
        return Converted[(Name, bank)] = Verifiers.PcrsForEvmctl(path);
    }
}
