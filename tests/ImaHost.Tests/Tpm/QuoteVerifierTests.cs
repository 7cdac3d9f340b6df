using System.Text;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

/// <summary>Quotes that another tool recorded are accepted, and nothing that is one bit or byte away from them.</summary>
public sealed class QuoteVerifierTests
{
    public static TheoryData<string> Kinds => RecordedQuote.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Recorded_quote_proves_its_PCR_values(string kind)
    {
        var recorded = new RecordedQuote(kind);
        using QuoteKey key = recorded.OpenKey();
        var verifier = new QuoteVerifier(key, RecordedQuote.Nonce);

        verifier.Run(recorded.Message, recorded.Signature, recorded.Pcrs);

        Assert.All(verifier.Checks, check => Assert.Null(check.Fault));
        Assert.True(verifier.IsProven);
        Assert.Equal(4, verifier.Checks.Count);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], verifier.Pcrs!.Selection.Items.Select(item => item.Pcr).Distinct());
        PcrValues values = verifier.Pcrs.ToValues("quote");
        Assert.Equal([HashAlgorithm.Sha1, HashAlgorithm.Sha256], values.Banks);
        Assert.True(values.TryGet(HashAlgorithm.Sha1, 10, out Digest pcr10));
        Assert.Equal("sha1:b311ff7e540d671f5b54ed190d402a1d064fbecb", pcr10.ToString());
        Assert.Equal(1u, verifier.Attest!.Clock.Resets);
        Assert.Equal(0u, verifier.Attest.Clock.Restarts);
        Assert.True(verifier.Attest.Clock.IsSafe);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Key_from_PEM_verifies_alike_and_is_written_as_it_was(string kind)
    {
        var recorded = new RecordedQuote(kind);
        using var key = QuoteKey.Read(recorded.PemBytes, "ak.pem");
        using QuoteKey other = recorded.OpenKey();
        var verifier = new QuoteVerifier(key, RecordedQuote.Nonce);

        verifier.Run(recorded.Message, recorded.Signature, recorded.Pcrs);

        Assert.True(verifier.IsProven);
        Assert.Equal(other.Encoded, key.Encoded);
        Assert.Equal(Encoding.ASCII.GetString(recorded.PemBytes), other.ToPem());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Files_are_written_byte_by_byte_as_tpm2_tools_do(string kind)
    {
        var recorded = new RecordedQuote(kind);
        Dictionary<string, byte[]> files = QuoteFiles.Of(recorded.ToQuote()).ToDictionary(file => file.Name, file => file.Content);

        Assert.Equal(recorded.Message, files[QuoteFiles.Message]);
        Assert.Equal(recorded.Signature, files[QuoteFiles.Signature]);
        Assert.Equal(recorded.Pcrs, files[QuoteFiles.Pcrs]);
        Assert.Equal(recorded.KeyBytes, files[QuoteFiles.Key]);
        Assert.Equal(recorded.PemBytes, files[QuoteFiles.KeyPem]);
        Assert.StartsWith(
            "  sha1:\n    0 : 0x0000000000000000000000000000000000000000\n",
            Encoding.ASCII.GetString(files[QuoteFiles.PcrText]), StringComparison.Ordinal);
        Assert.Contains("    10: 0xB311FF7E", Encoding.ASCII.GetString(files[QuoteFiles.PcrText]), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Quote_with_any_bit_flipped_or_any_byte_cut_off_is_refused_with_a_reason(string kind)
    {
        var recorded = new RecordedQuote(kind);
        using QuoteKey key = recorded.OpenKey();
        foreach (byte[] message in Damage(recorded.Message))
        {
            Refused(key, message, recorded.Signature, recorded.Pcrs, QuoteFiles.Message);
        }

        foreach (byte[] signature in Damage(recorded.Signature))
        {
            Refused(key, recorded.Message, signature, recorded.Pcrs, QuoteFiles.Signature);
        }
    }

    [Fact]
    public void Values_with_any_bit_flipped_or_any_byte_cut_off_are_refused_with_a_reason()
    {
        var recorded = new RecordedQuote("ecc");
        using QuoteKey key = recorded.OpenKey();
        foreach (byte[] pcrs in Damage(recorded.Pcrs))
        {
            Refused(key, recorded.Message, recorded.Signature, pcrs, QuoteFiles.Pcrs);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Key_with_any_bit_flipped_or_any_byte_cut_off_is_refused_or_another(string kind)
    {
        byte[] bytes = new RecordedQuote(kind).KeyBytes;
        string name = Convert.ToHexStringLower(TpmPublic.ParseSized(bytes, "ak.pub").Name);
        foreach (byte[] damaged in Damage(bytes))
        {
            try
            {
                using var key = QuoteKey.Read(damaged, "ak.pub");
                Assert.NotEqual(name, Convert.ToHexStringLower(key.Public!.Name));
            }
            catch (TpmException e)
            {
                Assert.StartsWith("ak.pub ", e.Message, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>Among them are curves that OpenSSL does not know.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Key_in_PEM_with_any_bit_flipped_is_read_or_refused_by_name(string kind)
    {
        foreach (byte[] damaged in RecordedQuote.FlipEach(new RecordedQuote(kind).PemBytes))
        {
            try
            {
                QuoteKey.Read(damaged, "ak.pem").Dispose();
            }
            catch (TpmException e)
            {
                Assert.StartsWith("ak.pem ", e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Short_RSA_key_in_PEM_is_refused()
    {
        using var rsa = System.Security.Cryptography.RSA.Create(1024);
        TpmException refused = Assert.Throws<TpmException>(
            () => QuoteKey.Read(Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()), "ak.pem"));
        Assert.Equal("ak.pem has an RSA key of 1024 bits; at least 2048 are taken", refused.Message);
    }

    [Theory]
    [InlineData(1, "fixedTPM")]
    [InlineData(5, "sensitiveDataOrigin")]
    [InlineData(16, "restricted")]
    [InlineData(17, "decrypt")]
    [InlineData(18, "sign")]
    public void Key_that_could_sign_what_no_TPM_made_is_refused(int attribute, string name)
    {
        byte[] bytes = new RecordedQuote("ecc").KeyBytes;
        bytes[6 + 3 - (attribute / 8)] ^= (byte)(1 << (attribute % 8));

        TpmException refused = Assert.Throws<TpmException>(() => QuoteKey.Read(bytes, "ak.pub"));

        Assert.True(refused.Message.Contains("a key that attests is", StringComparison.Ordinal), $"{name}: {refused.Message}");
    }

    [Fact]
    public void Another_key_and_another_nonce_are_told_apart()
    {
        var ecc = new RecordedQuote("ecc");
        var rsa = new RecordedQuote("rsa");
        using QuoteKey key = ecc.OpenKey();
        using QuoteKey other = rsa.OpenKey();

        Assert.Equal(
            "quote.sig is of another scheme or hash than the key's (quote.msg)",
            Faults(other, RecordedQuote.Nonce, ecc.Message, ecc.Signature, ecc.Pcrs).Single());
        Assert.Equal(
            "quote.sig is no signature of it by that key (quote.msg)",
            Faults(key, RecordedQuote.Nonce, rsa.Message, ecc.Signature, ecc.Pcrs).Single());
        Assert.Equal(
            "quote.msg answers nonce 00112233445566778899aabbccddeeff, not 01",
            Faults(key, [1], ecc.Message, ecc.Signature, ecc.Pcrs).Single());
    }

    [Fact]
    public void What_is_no_quote_is_refused_even_with_a_good_signature()
    {
        byte[] message = new RecordedQuote("ecc").Message;
        message[5] = 0x17; // TPM_ST_ATTEST_CERTIFY
        TpmException refused = Assert.Throws<TpmException>(() => Attest.Parse(message, "quote.msg"));
        Assert.Equal("quote.msg has the type 0x8017; expected 0x8018", refused.Message);

        message[0] = 0;
        refused = Assert.Throws<TpmException>(() => Attest.Parse(message, "quote.msg"));
        Assert.Equal("quote.msg begins with 0x00544347, not with what a TPM begins its own statements with", refused.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\n")]
    public void What_is_no_key_is_refused_and_named(string text)
    {
        TpmException refused = Assert.Throws<TpmException>(() => QuoteKey.Read(Encoding.ASCII.GetBytes(text), "some.pem"));
        Assert.StartsWith("some.pem ", refused.Message, StringComparison.Ordinal);
    }

    static IEnumerable<byte[]> Damage(byte[] bytes) => RecordedQuote.FlipEach(bytes).Concat(RecordedQuote.CutEach(bytes));

    static void Refused(QuoteKey key, byte[] message, byte[] signature, byte[] pcrs, string named)
    {
        string[] faults = Faults(key, RecordedQuote.Nonce, message, signature, pcrs);
        Assert.NotEmpty(faults);
        Assert.Contains(faults, fault => fault.Contains(named, StringComparison.Ordinal));
    }

    static string[] Faults(QuoteKey key, byte[] nonce, byte[] message, byte[] signature, byte[] pcrs)
    {
        var verifier = new QuoteVerifier(key, nonce);
        verifier.Run(message, signature, pcrs);
        return [.. verifier.Checks.Select(check => check.Fault).OfType<string>()];
    }
}
