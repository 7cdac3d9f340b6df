using System.Security.Cryptography;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>A list with everything in it is accepted by whoever replays it, in every form and bank.</summary>
public sealed class LiveListTests(ListBench bench) : IClassFixture<ListBench>
{
    public static TheoryData<string> Banks => [.. ListBench.Banks];

    /// <summary>All files that show the list.</summary>
    public static TheoryData<string> Forms =>
    [
        .. from form in (string[])["binary", "ascii"]
           from suffix in (string[])["", .. ListBench.Banks.Select(bank => $"_{bank}")]
           select $"{form}_runtime_measurements{suffix}",
    ];

    [Fact]
    public void Rules_decide_what_is_listed_in_which_PCR_and_template()
    {
        // Programs are mapped too when they are executed; a library is read before it is mapped.
        foreach (string file in (string[])[bench.Program, bench.Library])
        {
            string digest = Shell.Must("sha256sum", file)[..64];
            Assert.Collection(
                bench.Daemon.Entries(file),
                used => Assert.Matches($"^10 [0-9a-f]{{40}} ima-sig sha256:{digest} {file} $", used),
                mapped => Assert.Matches($"^11 [0-9a-f]{{40}} ima-ng sha256:{digest} {file}$", mapped));
        }

        Assert.Empty(bench.Daemon.Entries(bench.Foreign));
        Assert.Equal(ListBench.Rules, File.ReadAllText(Path.Combine(bench.Daemon.Fs, "policy")));
        Assert.Equal("4\n", File.ReadAllText(Path.Combine(bench.Daemon.Fs, "violations")));
    }

    /// <summary>Evmctl 1.4 knows these two banks alone.</summary>
    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public void Evmctl_accepts_the_list_but_for_its_violations(string bank)
    {
        Outcome verified = bench.Tpm.Verify(bench.Daemon.BinaryList, bank, "--ignore-violations");
        Assert.True(verified.Status == 0, $"{verified.Errors}{verified.Output}");
        Assert.NotEqual(0, bench.Tpm.Verify(bench.Daemon.BinaryList, bank).Status);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Verify_accepts_every_form_of_the_list_but_for_its_violations(string form)
    {
        string list = Path.Combine(bench.Daemon.Fs, form);

        Outcome verified = Verifiers.ImaHost(list, bench.Pcrs, "--exact", "--ignore-violations");
        Outcome refused = Verifiers.ImaHost(list, bench.Pcrs, "--exact");

        Assert.True(verified.Status == 0, $"{verified.Errors}{verified.Output}");
        string count = File.ReadAllText(Path.Combine(bench.Daemon.Fs, "runtime_measurements_count")).TrimEnd();
        foreach (string bank in ListBench.Banks)
        {
            string line = $"{bank,-11}agrees after {count} entries (PCR 10, 11)\n";
            Assert.Contains(line, verified.Output, StringComparison.Ordinal);
        }

        Assert.Equal(1, refused.Status);
        Assert.Contains("4 violations, the first is entry", refused.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_reads_the_PCRs_of_the_TPM_itself()
    {
        string[] asked = ["verify", "--list", bench.Daemon.BinaryList, "--exact", "--ignore-violations"];

        Outcome named = Shell.Run(Bench.Program, [.. asked, "--tpm", bench.Tpm.Transport]);
        Outcome found = Shell.Run(Bench.Program, [.. asked, "--state", bench.Daemon.State]);

        Assert.True(named.Status == 0, $"{named.Errors}{named.Output}");
        Assert.True(found.Status == 0, $"{found.Errors}{found.Output}");
        Assert.Contains("boot_aggregate matches PCR 0 to 9", found.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Banks))]
    public void Twin_has_the_digests_of_its_bank_over_the_same_data(string bank)
    {
        var algorithm = new HashAlgorithmName(bank.ToUpperInvariant());
        int size = CryptographicOperations.HashData(algorithm, []).Length;
        List<ListRecord> list = Replay.Read(File.ReadAllBytes(bench.Daemon.BinaryList));
        List<ListRecord> twin = Replay.Read(File.ReadAllBytes($"{bench.Daemon.BinaryList}_{bank}"), size);
        string[] lines = File.ReadAllLines(bench.Daemon.AsciiList);
        string[] twins = File.ReadAllLines($"{bench.Daemon.AsciiList}_{bank}");

        Assert.Equal(list.Count, twin.Count);
        Assert.Equal(lines.Length, twins.Length);
        Assert.Equal(list.Count, lines.Length);
        for (int i = 0; i < list.Count; i++)
        {
            string digest = Convert.ToHexStringLower(
                list[i].IsViolation ? new byte[size] : CryptographicOperations.HashData(algorithm, list[i].Data));
            Assert.Equal(digest, Convert.ToHexStringLower(twin[i].Digest));
            Assert.Equal((list[i].Pcr, list[i].Template), (twin[i].Pcr, twin[i].Template));
            Assert.Equal(list[i].Data, twin[i].Data);
            string[] words = lines[i].Split(' ', 3);
            Assert.Equal($"{words[0]} {digest} {words[2]}", twins[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Banks))]
    public void Every_PCR_is_that_of_an_independent_replay(string bank)
    {
        List<ListRecord> list = Replay.Read(File.ReadAllBytes(bench.Daemon.BinaryList));
        foreach (int pcr in (int[])[10, 11])
        {
            Assert.Equal(Replay.Pcr(list, pcr, bank), bench.Tpm.ReadPcr(bank, pcr));
        }
    }
}
