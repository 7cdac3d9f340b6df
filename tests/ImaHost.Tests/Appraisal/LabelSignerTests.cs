using System.Security.Cryptography;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.KeyWorkshop;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Appraisal;

public sealed class LabelSignerTests : IDisposable
{
    static readonly Digest Content = Digest.Of(HashAlgorithm.Sha256, "content"u8);

    readonly TemporaryDirectory _directory = new();
    readonly KeyWorkshop _workshop;

    public LabelSignerTests() => _workshop = new KeyWorkshop(_directory);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("RSA", "rsa_keygen_bits:3072")]
    [InlineData("EC", "ec_paramgen_curve:P-384")]
    public void Label_is_verified_by_the_public_half(string algorithm, string option)
    {
        string key = _workshop.MakeKey("key", algorithm, "-pkeyopt", option);
        using LabelSigner signer = LabelSigner.Open(key, null, null);
        Assert.Equal(Outcome.Pass, Appraise(signer, PublicOf(key), isOfVerity: false));
        Assert.Equal(Outcome.Pass, Appraise(signer, PublicOf(key), isOfVerity: true));
    }

    [Fact]
    public void Signature_of_one_kind_of_digest_is_none_of_the_other()
    {
        string key = _workshop.MakeKey("key", Rsa);
        using LabelSigner signer = LabelSigner.Open(key, null, null);
        byte[] label = new byte[LabelSigner.MostBytes];
        int length = signer.Sign(in Content, label);
        (label[0], label[1]) = (6, 3);
        SecurityIma xattr = SecurityIma.Parse(label.AsSpan(0, length));
        SignatureFinding found = SignatureAppraisal.Appraise(in xattr, in Content, in Content, Load(PublicOf(key)));
        Assert.Equal((Outcome.InvalidVeritySignature, SignatureCheck.Bad), (found.Outcome, found.Check));
    }

    [Fact]
    public void Key_is_named_as_the_certificate_does()
    {
        string key = _workshop.MakeKey("key", Ec);
        string certificate = CertificateOf(key, "-addext", "subjectKeyIdentifier=00:01:02:DE:AD:BE:EF");
        using LabelSigner signer = LabelSigner.Open(key, null, certificate);
        Assert.Equal(0xdeadbeef, signer.KeyId);
        Assert.Equal(Outcome.Pass, Appraise(signer, certificate, isOfVerity: false));
        SignerException refused = Assert.Throws<SignerException>(
            () => LabelSigner.Open(_workshop.MakeKey("other", Ec), null, certificate));
        Assert.Equal($"{certificate} is not the certificate of the key {_directory.At("other.pem")}", refused.Message);
    }

    [Theory]
    [InlineData("pkcs8", "-topk8")]
    [InlineData("rsa", "-traditional")]
    public void Locked_key_is_opened_by_its_passphrase(string command, string form)
    {
        string key = _workshop.MakeKey("key", Rsa);
        string locked = _directory.At("locked.pem");
        string secret = _directory.Write("secret", "correct horse\nsecond line\n");
        string[] cipher = command == "rsa" ? ["-aes128"] : ["-v2", "aes-256-cbc"];
        OpenSsl([command, form, .. cipher, "-in", key, "-out", locked, "-passout", $"file:{secret}"]);
        using LabelSigner signer = LabelSigner.Open(locked, secret, null);
        Assert.Equal(Outcome.Pass, Appraise(signer, PublicOf(key), isOfVerity: false));
        Assert.Contains("no passphrase was given", Refused(locked), StringComparison.Ordinal);
        Assert.StartsWith($"{locked}: read the private key: ", Refused(locked, _directory.Write("wrong", "wrong")), StringComparison.Ordinal);
    }

    [Fact]
    public void Key_that_is_none_is_refused_with_its_file()
    {
        Assert.Contains("No such file or directory", Refused(_directory.At("missing")), StringComparison.Ordinal);
        string text = _directory.Write("text", "no key");
        Assert.StartsWith($"{text}: read the private key: ", Refused(text), StringComparison.Ordinal);
        string weak = _workshop.MakeKey("weak", "RSA", "-pkeyopt", "rsa_keygen_bits:1024");
        Assert.StartsWith($"{weak}: its key has 1024 bits", Refused(weak), StringComparison.Ordinal);
        string other = _workshop.MakeKey("ed", "ED25519");
        Assert.StartsWith($"{other}: its key is neither of RSA nor of ECDSA", Refused(other), StringComparison.Ordinal);
        Assert.Contains("does-not-exist", Refused("pkcs11:token=does-not-exist;object=x"), StringComparison.Ordinal);
    }

    /// <summary>A token's provider is asked by the same calls; the store of files is one that every OpenSSL has.</summary>
    [Fact]
    public void Key_in_a_store_is_opened_by_its_passphrase()
    {
        string key = _workshop.MakeKey("key", Ec);
        string locked = _directory.At("locked.pem");
        OpenSsl("pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:secret");
        using EvpKey opened = EvpPrivateKey.FromUri($"file:{locked}", "secret"u8);
        using EvpKey plain = EvpPrivateKey.FromPem(File.ReadAllBytes(key), default);
        Assert.Equal(plain.ExportPublicKey(), opened.ExportPublicKey());
        Assert.Contains(
            "no passphrase was given",
            Assert.Throws<CryptographicException>(() => EvpPrivateKey.FromUri($"file:{locked}", default)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            $"open file:{_directory.At("none")}",
            Assert.Throws<CryptographicException>(() => EvpPrivateKey.FromUri($"file:{_directory.At("none")}", default)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_share_a_signer()
    {
        string key = _workshop.MakeKey("key", Ec);
        using LabelSigner signer = LabelSigner.Open(key, null, null);
        string half = PublicOf(key);
        int good = 0;
        Parallel.For(0, 200, _ =>
            _ = Appraise(signer, half, isOfVerity: false) == Outcome.Pass ? Interlocked.Increment(ref good) : 0);
        Assert.Equal(200, good);
    }

    [Theory]
    [InlineData("0301aabbccddee", nameof(Outcome.InvalidSignature), nameof(SignatureCheck.Damaged))]
    [InlineData("0303aabbccddee", nameof(Outcome.InvalidSignatureVersion), nameof(SignatureCheck.Damaged))]
    [InlineData("0602040102030400020000", nameof(Outcome.InvalidSignatureVersion), nameof(SignatureCheck.Damaged))]
    [InlineData("03", nameof(Outcome.InvalidSignature), nameof(SignatureCheck.Damaged))]
    [InlineData("030204010203040003aabb", nameof(Outcome.InvalidSignature), nameof(SignatureCheck.Damaged))]
    [InlineData("030204010203040001aabb", nameof(Outcome.InvalidSignature), nameof(SignatureCheck.Damaged))]
    [InlineData("030204010203040002aabb", nameof(Outcome.InvalidSignature), nameof(SignatureCheck.UnknownKey))]
    [InlineData("060304010203040002aabb", nameof(Outcome.InvalidVeritySignature), nameof(SignatureCheck.UnknownKey))]
    [InlineData("0302ee010203040002aabb", nameof(Outcome.InvalidSignature), nameof(SignatureCheck.WrongAlgorithm))]
    public void Bad_label_is_judged_as_the_kernel_does(string hex, string outcome, string check)
    {
        SecurityIma xattr = SecurityIma.Parse(Convert.FromHexString(hex));
        SignatureFinding found = SignatureAppraisal.Appraise(in xattr, in Content, in Content, Keyring.Empty);
        Assert.Equal((outcome, check), ($"{found.Outcome}", $"{found.Check}"));
    }

    [Fact]
    public void Signature_of_an_fs_verity_digest_needs_one()
    {
        SecurityIma xattr = SecurityIma.Parse([6, 3, 4, 1, 2, 3, 4, 0, 1, 0]);
        Assert.Equal(Outcome.NoVerity, SignatureAppraisal.Appraise(in xattr, in Content, default, Keyring.Empty).Outcome);
    }

    static string Refused(string key, string? passphraseFile = null) =>
        Assert.Throws<SignerException>(() => LabelSigner.Open(key, passphraseFile, null)).Message;

    static Keyring Load(string file) => Keyring.Load([file], Blacklist.Empty, TimeProvider.System);

    static Outcome Appraise(LabelSigner signer, string half, bool isOfVerity)
    {
        byte[] label = new byte[LabelSigner.MostBytes];
        int length = isOfVerity ? signer.SignVerity(in Content, label) : signer.Sign(in Content, label);
        SecurityIma xattr = SecurityIma.Parse(label.AsSpan(0, length));
        Digest verity = isOfVerity ? Content : default;
        return SignatureAppraisal.Appraise(in xattr, in Content, in verity, Load(half)).Outcome;
    }
}
