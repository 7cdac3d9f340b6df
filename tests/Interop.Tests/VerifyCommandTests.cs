using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// Whatever evmctl 1.4 can judge, imahost judges alike: lists that kernels wrote, as they are and damaged. Each in the
/// banks sha1 and sha256, of which evmctl knows no other and gets one at a time. It cannot judge a list with but one
/// whole entry in sha1: there the bank that it was not given counts as a match, and it looks at that last. The other
/// limits are that it reads binary lists alone, and of files with PCRs only those without a gap.
/// </summary>
public sealed class VerifyCommandTests
{
    public static TheoryData<string> Cases => Vector.Names;

    [Theory]
    [MemberData(nameof(Cases))]
    public void List_of_a_kernel_is_accepted_with_its_PCRs_by_both(string name)
    {
        Vector vector = Vector.Open(name);
        foreach (string bank in vector.BanksForEvmctl)
        {
            Agree(vector, vector, vector.BinaryPath, bank, accepted: true, "--ignore-violations");
            Agree(vector, vector, vector.BinaryPath, bank, accepted: !vector.HasViolations);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void List_is_refused_with_the_PCRs_of_another_case_by_both(string name)
    {
        Vector vector = Vector.Open(name);
        Vector other = Vector.Open(name == "violations" ? "rule-pcr-template" : "violations");
        foreach (string bank in vector.BanksForEvmctl)
        {
            Agree(vector, other, vector.BinaryPath, bank, accepted: false, "--ignore-violations");
        }
    }

    /// <summary>A bit of a name, of a template digest, of a file's digest.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Tampered_list_is_refused_by_both(string name)
    {
        Vector vector = Vector.Open(name);
        IReadOnlyList<int> boundaries = vector.Boundaries;
        byte[] list = File.ReadAllBytes(vector.BinaryPath);

        // The last entry that is no violation: of those the data are not extended, so that nobody can tell.
        int last = Enumerable.Range(0, boundaries.Count - 1)
            .Last(i => list.AsSpan(boundaries[i] + 4, 20).ContainsAnyExcept((byte)0));
        int nameInIt = list.AsSpan(boundaries[last]..boundaries[last + 1]).LastIndexOf("/"u8);
        int digest = name == "ima-legacy" ? 40 : 60;
        int[] places = [boundaries[last] + Math.Max(nameInIt, 80), boundaries[last] + 10, boundaries[0] + digest];
        foreach (int place in places)
        {
            byte[] tampered = [.. list];
            tampered[place] ^= 1;
            string path = Write(name, tampered);
            foreach (string bank in vector.BanksForEvmctl)
            {
                Agree(vector, vector, path, bank, accepted: false, "--ignore-violations");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Truncated_list_is_refused_by_both(string name)
    {
        Vector vector = Vector.Open(name);
        IReadOnlyList<int> boundaries = vector.Boundaries;
        byte[] list = File.ReadAllBytes(vector.BinaryPath);
        int middle = boundaries[boundaries.Count / 2];
        int[] ends = [middle, middle - 3, boundaries[^1] - 5, boundaries[^2], boundaries[^2] + 12];
        foreach (int end in ends)
        {
            string path = Write(name, list[..end]);
            foreach (string bank in vector.BanksForEvmctl)
            {
                if (bank == "sha1" && end < boundaries[2])
                {
                    Assert.Equal(1, Verifiers.ImaHost(path, $"sha1,{vector.PcrsPath}", "--ignore-violations").Status);
                    continue;
                }

                Agree(vector, vector, path, bank, accepted: false, "--ignore-violations");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void All_banks_at_once_are_accepted_with_an_explanation_of_padded_ones(string name)
    {
        Vector vector = Vector.Open(name);

        Outcome verified = Verifiers.ImaHost(
            vector.BinaryPath, vector.PcrsPath, "--exact", "--ignore-violations", "--json");

        Assert.True(verified.Status == 0, verified.Errors + verified.Output);
        JsonElement report = JsonDocument.Parse(verified.Output).RootElement;
        Assert.True(report.GetProperty("verified").GetBoolean());
        Assert.Equal(vector.Boundaries.Count - 1, report.GetProperty("entries").GetInt32());
        Assert.Equal(vector.Boundaries.Count - 1, report.GetProperty("matched").GetInt32());
        foreach (JsonElement bank in report.GetProperty("banks").EnumerateArray())
        {
            // That kernel had neither sha384 nor sha512 when IMA started (tests/testdata/README.md).
            Assert.Equal(
                bank.GetProperty("bank").GetString() is "sha384" or "sha512", bank.GetProperty("padded").GetBoolean());
        }
    }

    [Fact]
    public void Statuses_are_0_verified_1_refused_2_cannot_tell()
    {
        Vector vector = Vector.Open("tcb-ima-sig");
        string pcr10 = Bench.NewFile("pcrs", "sha256:\n  9 : 0x" + new string('0', 64) + "\n");

        Expect(0, "", vector.BinaryPath, vector.PcrsPath);
        Expect(1, "", vector.BinaryPath, Vector.Open("dedupe").PcrsPath);
        Expect(2, "/nowhere/list", "/nowhere/list", vector.PcrsPath);
        Expect(2, "/nowhere/pcrs", vector.BinaryPath, "/nowhere/pcrs");
        Expect(2, "extends PCR 10, of which", vector.BinaryPath, pcr10);
        Expect(2, "unknown format", vector.BinaryPath, vector.BinaryPath);
        Expect(1, "", Write("empty", []), vector.PcrsPath);
        Assert.Equal(2, Shell.Run(Bench.Program, "verify", "--frobnicate").Status);
    }

    [Fact]
    public void Exact_refuses_entries_that_follow_what_the_PCRs_vouch_for()
    {
        Vector vector = Vector.Open("tcb-ima-sig");
        byte[] list = File.ReadAllBytes(vector.BinaryPath);
        string longer = Write("longer", [.. list, .. list[..vector.Boundaries[2]]]);

        Assert.Equal(0, Verifiers.ImaHost(longer, vector.PcrsPath).Status);
        Outcome exact = Verifiers.ImaHost(longer, vector.PcrsPath, "--exact");
        Assert.Equal(1, exact.Status);
        Assert.Contains(
            "2 entries follow those that the PCRs vouch for (--exact)", exact.Output, StringComparison.Ordinal);
        Outcome json = Verifiers.ImaHost(longer, vector.PcrsPath, "--exact", "--json");
        JsonElement report = JsonDocument.Parse(json.Output).RootElement;
        Assert.False(report.GetProperty("verified").GetBoolean());
        Assert.Equal(2, report.GetProperty("follow").GetInt32());
        Assert.Equal(1, report.GetProperty("reasons").GetArrayLength());
    }

    static void Expect(int status, string said, string list, string pcrs)
    {
        Outcome outcome = Verifiers.ImaHost(list, pcrs);
        Assert.True(outcome.Status == status, $"{list}: {outcome.Status}\n{outcome.Output}{outcome.Errors}");
        Assert.Contains(said, outcome.Errors, StringComparison.Ordinal);

        // What cannot be told is one line on standard error; a verdict is on standard output.
        Assert.Equal(status == 2 ? 1 : 0, outcome.Errors.Count(letter => letter == '\n'));
        Assert.Equal(status == 2, outcome.Output.Length == 0);
    }

    static string Write(string name, byte[] list)
    {
        string path = Bench.NewFile($"{name}.list", "");
        File.WriteAllBytes(path, list);
        return path;
    }

    static void Agree(Vector vector, Vector pcrs, string list, string bank, bool accepted, params string[] options)
    {
        Outcome imahost = Verifiers.ImaHost(list, $"{bank},{pcrs.PcrsPath}", options);
        Outcome evmctl = Verifiers.Evmctl(list, bank, pcrs.PcrsForEvmctl(bank), options);
        string both = $"{vector.Name} {bank}:\n{imahost.Output}{imahost.Errors}\n{evmctl.Output}{evmctl.Errors}";
        Assert.True(imahost.Status == (accepted ? 0 : 1), both);
        Assert.True(evmctl.Status == 0 == accepted, both);
    }
}
