using System.Globalization;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Quotes of a TPM (swtpm), by both kinds of keys and a persistent one, accepted by tpm2-tools.</summary>
public sealed class QuoteTests
{
    const string Attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda";

    [Theory]
    [InlineData("ecc", "ecc 256")]
    [InlineData("rsa", "rsa 2048")]
    public void Tpm2_checkquote_accepts_quotes_by_either_form_of_the_key(string key, string kind)
    {
        using var bench = new QuoteBench(key);
        string directory = Bench.NewDirectory("quote");

        string json = Shell.Must(
            Bench.Program, "quote", "--nonce", QuoteBench.Nonce, "--out", directory, "--json", "--state", bench.Daemon.State);

        JsonElement report = JsonDocument.Parse(json).RootElement;
        Assert.Equal(QuoteBench.Nonce, report.GetProperty("nonce").GetString());
        Assert.Equal(kind, report.GetProperty("key_kind").GetString());
        Assert.Equal(new FileInfo(bench.Daemon.BinaryList).Length, report.GetProperty("bytes").GetInt64());
        foreach (string form in (string[])["ak.pub", "ak.pem"])
        {
            Assert.Equal(0, CheckQuote(directory, form, QuoteBench.Nonce).Status);
            Assert.NotEqual(0, CheckQuote(directory, form, "00").Status);
        }

        JsonElement banks = report.GetProperty("pcrs");
        Assert.Equal(4, banks.EnumerateObject().Count());
        foreach (JsonProperty bank in banks.EnumerateObject())
        {
            Assert.Equal(bench.Tpm.ReadPcr(bank.Name, 10), bank.Value.GetProperty("10").GetString());
        }
    }

    [Fact]
    public void Quote_prints_its_nonce_its_place_in_the_list_and_the_PCRs_as_tpm2_pcrread_does()
    {
        using var bench = new QuoteBench();
        string[] lines = Shell.Must(Bench.Program, "quote", "--state", bench.Daemon.State).Split('\n');

        int entries = File.ReadLines(bench.Daemon.AsciiList).Count();
        Assert.StartsWith($"list       {entries} entries, ", lines[0], StringComparison.Ordinal);
        Assert.Matches("^nonce      [0-9a-f]{40}$", lines[1]);
        Assert.Matches("^key        ecc 256, 000b[0-9a-f]{64}$", lines[2]);
        Assert.Matches("^clock      [0-9]+ ms, reset [0-9]+, restart 0, safe$", lines[3]);
        string pcrs = Shell.Must("tpm2_pcrread", "-T", bench.Tpm.Transport, "sha1:0,1,2,3,4,5,6,7,8,9,10");
        Assert.Contains(pcrs, string.Join('\n', lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ecc", "ecc256:ecdsa-sha256:null")]
    [InlineData("rsa", "rsa2048:rsassa-sha256:null")]
    public void Key_is_the_one_that_tpm2_createprimary_makes_from_the_same_template(string key, string algorithm)
    {
        using var bench = new QuoteBench(key);
        string directory = Bench.NewDirectory("made");
        Shell.Must(
            "tpm2_createprimary", "-T", bench.Tpm.Transport, "-C", "e", "-G", algorithm, "-a", Attributes,
            "-c", $"{directory}/context", "-f", "tss", "-o", $"{directory}/ak.pub");
        Shell.Must("tpm2_flushcontext", "-T", bench.Tpm.Transport, "-t");

        Assert.Equal(File.ReadAllBytes($"{directory}/ak.pub"), File.ReadAllBytes(bench.TakeKey()));
    }

    [Fact]
    public void Key_that_was_made_persistent_signs_when_it_is_configured()
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string directory = Bench.NewDirectory("persistent");
        string transport = tpm.Transport;
        Shell.Must("tpm2_createek", "-T", transport, "-G", "ecc", "-c", $"{directory}/ek");
        Shell.Must("tpm2_flushcontext", "-T", transport, "-t");
        Shell.Must(
            "tpm2_createak", "-T", transport, "-C", $"{directory}/ek", "-c", $"{directory}/ak", "-G", "ecc", "-s", "ecdsa",
            "-g", "sha256", "-u", $"{directory}/ak.pub", "-f", "tss");
        Shell.Must("tpm2_flushcontext", "-T", transport, "-t");
        Shell.Must("tpm2_evictcontrol", "-T", transport, "-c", $"{directory}/ak", "0x81010002");
        Shell.Must("tpm2_flushcontext", "-T", transport, "-t");
        string configuration = Bench.NewFile("imahost.yaml", "attestation_key: 0x81010002\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {transport} --config {configuration}");

        string quote = Bench.NewDirectory("quote");
        Shell.Must(Bench.Program, "quote", "--nonce", QuoteBench.Nonce, "--out", quote, "--state", daemon.State);

        Assert.Equal(File.ReadAllBytes($"{directory}/ak.pub"), File.ReadAllBytes($"{quote}/ak.pub"));
        Assert.Equal(0, CheckQuote(quote, "ak.pub", QuoteBench.Nonce).Status);
    }

    [Fact]
    public void Quotes_leave_no_key_in_the_TPM()
    {
        using var bench = new QuoteBench();
        for (int i = 0; i < 5; i++)
        {
            _ = Shell.Must(Bench.Program, "quote", "--state", bench.Daemon.State);
        }

        Assert.Empty(Shell.Must("tpm2_getcap", "-T", bench.Tpm.Transport, "handles-transient").Trim());
    }

    [Fact]
    public void Tpm_that_was_reset_gives_no_quote_and_the_reason_is_told()
    {
        using var bench = new QuoteBench();
        _ = bench.TakeKey();
        bench.Tpm.Kill();
        Outcome gone = Shell.Run(Bench.Program, "quote", "--state", bench.Daemon.State);
        Assert.Equal(1, gone.Status);
        Assert.Contains(bench.Tpm.Transport, gone.Errors, StringComparison.Ordinal);

        bench.Tpm.Start();
        Outcome reset = Shell.Run(Bench.Program, "quote", "--state", bench.Daemon.State);
        Assert.Equal(1, reset.Status);
        Assert.Contains("the TPM was reset", reset.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Tpm_that_was_away_quotes_again_when_it_is_back()
    {
        using var bench = new QuoteBench();
        bench.Tpm.Freeze();
        Outcome frozen = Shell.Run(Bench.Program, "quote", "--state", bench.Daemon.State);
        bench.Tpm.Thaw();
        Assert.True(frozen.Status == 1, frozen.Errors);

        Shell.Until(
            () => Shell.Run(Bench.Program, "quote", "--state", bench.Daemon.State).Status == 0, "it quotes again");
    }

    [Fact]
    public void Host_without_a_TPM_says_that_nothing_can_be_quoted()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Outcome refused = Shell.Run(Bench.Program, "quote", "--state", daemon.State);
        Assert.Equal(1, refused.Status);
        Assert.Equal("imahost: there is no TPM that could quote (tpm: none)\n", refused.Errors);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("xy")]
    [InlineData("")]
    public void Nonce_that_is_none_is_refused_before_anybody_is_asked(string nonce)
    {
        Outcome refused = Shell.Run(Bench.Program, "quote", "--nonce", nonce, "--state", "/nowhere");
        Assert.Equal(2, refused.Status);
        Assert.Contains("a nonce is 1 to 64 bytes in hex", refused.Errors, StringComparison.Ordinal);
    }

    static Outcome CheckQuote(string directory, string key, string nonce) => Shell.Script(string.Create(
        CultureInfo.InvariantCulture,
        $"cd {directory} && tpm2_checkquote -u {key} -m quote.msg -s quote.sig -f quote.pcrs -q {nonce} -g sha256"));
}
