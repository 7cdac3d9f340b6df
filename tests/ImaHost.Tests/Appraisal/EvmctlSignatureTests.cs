using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.KeyWorkshop;

namespace ImaHost.Tests.Appraisal;

/// <summary>Labels that evmctl makes, and ours beside them.</summary>
public sealed class EvmctlSignatureTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly KeyWorkshop _workshop;

    public EvmctlSignatureTests() => _workshop = new KeyWorkshop(_directory);

    public static TheoryData<string, string, string> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, string, string>();
            foreach (string hash in (string[])["sha1", "sha224", "sha256", "sha384", "sha512"])
            {
                kinds.Add("RSA", "rsa_keygen_bits:2048", hash);
                kinds.Add("RSA", "rsa_keygen_bits:4096", hash);
                kinds.Add("EC", "ec_paramgen_curve:P-256", hash);
                kinds.Add("EC", "ec_paramgen_curve:P-384", hash);
            }

            return kinds;
        }
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Label_of_evmctl_is_good_and_ours_is_the_same(string algorithm, string option, string hash)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/evmctl"), "evmctl (ima-evm-utils) is not installed");
        string key = _workshop.MakeKey("key", algorithm, "-pkeyopt", option);
        string content = _directory.Write("content", $"{algorithm} {hash}");
        Child.Run("/bin/sh", "-c", $"exec timeout -s KILL 30 evmctl ima_sign --sigfile -a {hash} --key {key} {content} >&- 2>&-");
        byte[] theirs = File.ReadAllBytes(content + ".sig");
        Digest digest = Digest.Of(HashAlgorithm.FromName(hash)!, File.ReadAllBytes(content));

        Keyring keyring = Keyring.Load([CertificateOf(key)], Blacklist.Empty, TimeProvider.System);
        using LabelSigner signer = LabelSigner.Open(key, null, null);
        byte[] ours = new byte[LabelSigner.MostBytes];
        ours = ours[..signer.Sign(in digest, ours)];

        SecurityIma xattr = SecurityIma.Parse(theirs);
        Assert.Equal(SignatureCheck.Good, keyring.Verify(in xattr, in digest));
        SecurityIma own = SecurityIma.Parse(ours);
        Assert.Equal(SignatureCheck.Good, keyring.Verify(in own, in digest));
        Assert.Equal(xattr.KeyId, own.KeyId);
        if (algorithm == "RSA")
        {
            Assert.Equal(theirs, ours);
        }
    }
}
