using System.Text;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using Xunit;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Appraisal;

public sealed class AppraiserTests
{
    const int NotSupported = -95;
    const string V2Signature = "030204a4010f57000401020304";
    const string VeritySignature = "060304a4010f57000401020304";
    static readonly byte[] Bytes = [.. Enumerable.Range(1, 64).Select(number => (byte)number)];
    static readonly string Hex = Convert.ToHexString(Bytes);

    /// <summary>security.ima in hex, the hash of the collected digest, and what comes of it.</summary>
    public static TheoryData<string, string, string> Table => new()
    {
        { "", "sha256", nameof(Outcome.MissingHash) },
        { "0404" + Hex[..64], "sha256", nameof(Outcome.Pass) },
        { "0405" + Hex[..96], "sha384", nameof(Outcome.Pass) },
        { "0406" + Hex[..128], "sha512", nameof(Outcome.Pass) },
        { "0402" + Hex[..40], "sha1", nameof(Outcome.Pass) },
        { "01" + Hex[..40], "sha1", nameof(Outcome.Pass) },
        { "01" + Hex[..40], "sha256", nameof(Outcome.InvalidHash) },
        { "0404" + Hex[2..66], "sha256", nameof(Outcome.InvalidHash) },
        { "0404" + Hex[..64], "sha512", nameof(Outcome.InvalidHash) },
        { "0406" + Hex[..128], "sha256", nameof(Outcome.InvalidHash) },
        { "0404" + Hex[..62], "sha256", nameof(Outcome.InvalidXattr) },
        { "0404" + Hex[..64] + "00", "sha256", nameof(Outcome.InvalidXattr) },
        { "04ee" + Hex[..64], "sha256", nameof(Outcome.InvalidXattr) },
        { "07" + Hex[..64], "sha256", nameof(Outcome.InvalidXattr) },
        { "030204a4010f570004" + Hex[..8], "sha256", nameof(Outcome.InvalidSignature) },
        { "060304a4010f570004" + Hex[..8], "sha256", nameof(Outcome.MissingHash) },
        { "030204a4010f570005" + Hex[..8], "sha256", nameof(Outcome.InvalidSignature) },
    };

    public static TheoryData<string> Outcomes => [.. Enum.GetNames<Outcome>()];

    [Theory]
    [MemberData(nameof(Table))]
    public void Appraise_compares_the_attribute_with_the_digest(string xattr, string hash, string expected)
    {
        SecurityIma value = SecurityIma.Parse(Convert.FromHexString(xattr));
        var collected = new Digest(HashAlgorithm.FromName(hash)!, Bytes);
        Assert.Equal(Enum.Parse<Outcome>(expected), Appraise(in value, in collected));
    }

    /// <summary>A rule, security.ima in hex, whether the file has an fs-verity digest, and what comes of it.</summary>
    public static TheoryData<string, string, bool, string> Demands => new()
    {
        { "appraise", "0404" + Hex[..64], true, nameof(Outcome.Pass) },
        { "appraise appraise_type=imasig", "", false, nameof(Outcome.SignatureRequired) },
        { "appraise appraise_type=imasig", "0404" + Hex[..64], false, nameof(Outcome.SignatureRequired) },
        { "appraise appraise_type=imasig", V2Signature, false, nameof(Outcome.InvalidSignature) },
        { "appraise appraise_type=imasig", VeritySignature, false, nameof(Outcome.SignatureRequired) },
        { "appraise appraise_type=imasig", "07", false, nameof(Outcome.InvalidXattr) },
        { "appraise func=MODULE_CHECK appraise_type=imasig|modsig", "", false, nameof(Outcome.SignatureRequired) },
        { "appraise digest_type=verity appraise_type=sigv3", VeritySignature, true, nameof(Outcome.InvalidVeritySignature) },
        { "appraise digest_type=verity appraise_type=sigv3", VeritySignature, false, nameof(Outcome.NoVerity) },
        { "appraise digest_type=verity appraise_type=sigv3", V2Signature, true, nameof(Outcome.VeritySignatureRequired) },
        { "appraise digest_type=verity appraise_type=sigv3", "0404" + Hex[..64], true, nameof(Outcome.VeritySignatureRequired) },
        { "appraise digest_type=verity appraise_type=sigv3", "", true, nameof(Outcome.VeritySignatureRequired) },
        { "appraise appraise_algos=sha256,sha512", "0404" + Hex[..64], false, nameof(Outcome.Pass) },
        { "appraise appraise_algos=sha512", "0404" + Hex[..64], false, nameof(Outcome.DeniedAlgorithm) },
        { "appraise appraise_algos=sha512", "0404" + Hex[2..66], false, nameof(Outcome.InvalidHash) },
    };

    [Theory]
    [MemberData(nameof(Demands))]
    public void Appraise_wants_what_the_rule_does(string rule, string xattr, bool hasVerity, string expected)
    {
        SecurityIma value = SecurityIma.Parse(Convert.FromHexString(xattr));
        var collected = new Digest(HashAlgorithm.Sha256, Bytes);
        Assert.Equal(Enum.Parse<Outcome>(expected), Appraise(in value, in collected, 0, rule, hasVerity));
    }

    [Fact]
    public void Appraise_notices_a_change_of_any_bit_of_the_digest()
    {
        var collected = new Digest(HashAlgorithm.Sha256, Bytes);
        for (int bit = 0; bit < 256; bit++)
        {
            byte[] value = [4, 4, .. Bytes.AsSpan(0, 32)];
            value[2 + (bit / 8)] ^= (byte)(1 << (bit % 8));
            SecurityIma xattr = SecurityIma.Parse(value);
            Assert.Equal(Outcome.InvalidHash, Appraise(in xattr, in collected));
        }
    }

    [Fact]
    public void Appraise_passes_nothing_whose_attribute_could_not_be_read()
    {
        SecurityIma xattr = SecurityIma.Parse([4, 4, .. Bytes.AsSpan(0, 32)]);
        var collected = new Digest(HashAlgorithm.Sha256, Bytes);
        Assert.Equal(Outcome.NoXattrs, Appraise(in xattr, in collected, error: NotSupported));
    }

    [Theory]
    [InlineData("", nameof(Outcome.MissingHash), true)]
    [InlineData("0404", nameof(Outcome.InvalidXattr), true)]
    [InlineData("01ff", nameof(Outcome.InvalidXattr), true)]
    [InlineData("", nameof(Outcome.NoXattrs), false)]
    [InlineData("", nameof(Outcome.Pass), false)]
    [InlineData("030204a4010f57000100", nameof(Outcome.InvalidSignature), false)]
    [InlineData("060304a4010f57000100", nameof(Outcome.InvalidSignature), false)]
    public void MayFix_allows_what_is_no_signature(string xattr, string outcome, bool expected)
    {
        SecurityIma value = SecurityIma.Parse(Convert.FromHexString(xattr));
        Assert.Equal(expected, Appraiser.MayFix(Enum.Parse<Outcome>(outcome), in value));
    }

    [Theory]
    [InlineData("0301aabbccdd")]
    [InlineData("030204a4010f57000200")]
    [InlineData("03")]
    [InlineData("060304a4010f57000200")]
    public void MayFix_spares_a_signature_that_is_not_understood(string xattr)
    {
        SecurityIma value = SecurityIma.Parse(Convert.FromHexString(xattr));
        Outcome outcome = Appraise(in value, new Digest(HashAlgorithm.Sha256, Bytes));
        Assert.NotEqual(Outcome.Pass, outcome);
        Assert.False(Appraiser.MayFix(outcome, in value));
    }

    [Theory]
    [MemberData(nameof(Outcomes))]
    public void Cause_and_advice_have_words_for_each_outcome(string name)
    {
        Outcome outcome = Enum.Parse<Outcome>(name);
        Assert.Matches("^[A-Za-z]+(-[a-z]+)*$", AppraisalText.Cause(outcome));
        Assert.Equal(outcome == Outcome.Pass, AppraisalText.Advice(outcome, "/bin/x"u8).Length == 0);
    }

    [Fact]
    public void Cause_has_a_word_of_its_own_for_each_outcome()
    {
        Outcome[] outcomes = Enum.GetValues<Outcome>();
        Assert.Equal(outcomes.Length, outcomes.Select(AppraisalText.Cause).Distinct().Count());
    }

    [Fact]
    public void Cause_and_advice_refuse_what_is_no_outcome()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => AppraisalText.Cause((Outcome)99));
        Assert.Throws<ArgumentOutOfRangeException>(() => AppraisalText.Advice((Outcome)99, ""u8));
    }

    [Theory]
    [InlineData(null, "it was changed after it was signed, or no key here is the signer's")]
    [InlineData(nameof(SignatureCheck.Bad), "it was changed after it was signed")]
    [InlineData(nameof(SignatureCheck.UnknownKey), "the key of its signature is not here")]
    [InlineData(nameof(SignatureCheck.WrongAlgorithm), "its signature's hash is none for that key")]
    [InlineData(nameof(SignatureCheck.Revoked), "the key of its signature was revoked")]
    [InlineData(nameof(SignatureCheck.Expired), "the certificate of its signature's key has ended")]
    [InlineData(nameof(SignatureCheck.Damaged), "its signature is damaged")]
    public void Advice_on_a_signature_says_what_is_wrong_with_it(string? check, string start)
    {
        SignatureCheck? found = check == null ? null : Enum.Parse<SignatureCheck>(check);
        Assert.StartsWith(start, AppraisalText.Advice(Outcome.InvalidSignature, "/bin/x"u8, found), StringComparison.Ordinal);
        Assert.StartsWith(start, AppraisalText.Advice(Outcome.InvalidVeritySignature, "/bin/x"u8, found), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/bin/a b", "imahost label '/bin/a b'")]
    [InlineData("/bin/it's", @"imahost label '/bin/it'\''s'")]
    [InlineData("/bin/$(reboot)`x`", "imahost label '/bin/$(reboot)`x`'")]
    [InlineData("'", @"imahost label ''\'''")]
    public void Advice_quotes_the_path_for_a_shell(string path, string command) =>
        Assert.EndsWith(command, AppraisalText.Advice(Outcome.MissingHash, Encoding.UTF8.GetBytes(path)), StringComparison.Ordinal);

    static Outcome Appraise(
        in SecurityIma xattr, in Digest collected, int error = 0, string rule = "appraise", bool hasVerity = false) =>
        Appraiser.Appraise(
            Policies.Rule(rule),
            new Evidence { Label = xattr, LabelError = error, Content = collected, Verity = hasVerity ? collected : default }, Vouchers.Empty, now: 0)
            .Outcome;
}
