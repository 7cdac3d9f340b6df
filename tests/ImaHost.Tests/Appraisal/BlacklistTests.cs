using System.Formats.Asn1;
using System.Security.Cryptography;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Appraisal;

public sealed class BlacklistTests : IDisposable
{
    static readonly Digest Revoked = Digest.Of(HashAlgorithm.Sha256, "old"u8);
    static readonly string RevokedHex = Convert.ToHexString(Revoked.Bytes);

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Digest_of_a_content_is_revoked_by_its_bytes()
    {
        Blacklist blacklist = Load($"# contents\n\nbin:{RevokedHex.ToLowerInvariant()}  # a hole\nbin:{new string('a', 40)}\n");
        Assert.Empty(blacklist.Warnings);
        Assert.Equal(2, blacklist.Count);
        Assert.True(blacklist.IsRevoked(in Revoked));
        Assert.True(blacklist.IsRevoked(new Digest(HashAlgorithm.Sha3x256, Revoked.Bytes)));
        Assert.True(blacklist.IsRevoked(new Digest(HashAlgorithm.Sha1, Enumerable.Repeat((byte)0xaa, 20).ToArray())));
        Assert.False(blacklist.IsRevoked(Digest.Of(HashAlgorithm.Sha256, "new"u8)));
        Assert.False(Blacklist.Empty.IsRevoked(in Revoked));
    }

    [Fact]
    public void Digest_is_found_among_many()
    {
        byte[][] digests = [.. Enumerable.Range(0, 999).Select(number => SHA256.HashData(BitConverter.GetBytes(number)))];
        Blacklist blacklist = Load(string.Join('\n', digests.Select(digest => $"bin:{Convert.ToHexString(digest)}")));
        Assert.All(digests, digest => Assert.True(blacklist.IsRevoked(new Digest(HashAlgorithm.Sha256, digest))));
        Assert.False(blacklist.IsRevoked(in Revoked));
    }

    [Theory]
    [InlineData("bin", "is not bin:HEX, tbs:HEX or key:HEX")]
    [InlineData("sha256:00", "is not bin:HEX, tbs:HEX or key:HEX")]
    [InlineData("bin:", "are no bytes in hexadecimal digits")]
    [InlineData("bin:0", "are no bytes in hexadecimal digits")]
    [InlineData("bin:zz", "are no bytes in hexadecimal digits")]
    [InlineData("bin:00ff", "2 bytes are no digest that is known here")]
    [InlineData("tbs:00112233445566778899aabbccddeeff", "16 bytes are no digest")]
    [InlineData("key:010203", "3 bytes name no key")]
    public void Line_that_is_none_is_told_with_its_place_and_takes_no_other_out_of_force(string line, string why)
    {
        Blacklist blacklist = Load($"# first\n{line}\nbin:{RevokedHex}\n");
        string warning = Assert.Single(blacklist.Warnings);
        Assert.StartsWith($"{_directory.At("blacklist.d", "list")}:2: ", warning, StringComparison.Ordinal);
        Assert.Contains(why, warning, StringComparison.Ordinal);
        Assert.True(blacklist.IsRevoked(in Revoked));
    }

    [Fact]
    public void Key_is_revoked_by_its_id_by_its_identifier_and_by_its_certificate()
    {
        using RSA rsa = RSA.Create(2048);
        byte[] identifier = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
        string file = new KeyWorkshop(_directory).CertificateUntil("key", rsa, DateTimeOffset.UtcNow.AddYears(1), identifier);
        byte[] certificate = File.ReadAllBytes(file);
        byte[] signed = new AsnReader(certificate, AsnEncodingRules.DER).ReadSequence().ReadEncodedValue().ToArray();
        string[] lines =
        [
            "key:03020100", $"key:{Convert.ToHexString(identifier)}",
            $"key:{Convert.ToHexString(Digest.Of(HashAlgorithm.Sha1, rsa.ExportRSAPublicKey()).Bytes)}",
            $"tbs:{Convert.ToHexString(SHA256.HashData(signed))}", $"tbs:{Convert.ToHexString(SHA512.HashData(signed))}",
        ];
        foreach (string line in lines)
        {
            Keyring keyring = Keyring.Load([file], Load(line), TimeProvider.System);
            Assert.True(Assert.Single(keyring.Keys).IsRevoked, line);
            Assert.Equal(SignatureCheck.Revoked, Verify(keyring, rsa, Revoked));
            Assert.StartsWith($"{file}: key 03020100 (CN=release) is revoked", Assert.Single(keyring.Warnings), StringComparison.Ordinal);
        }

        foreach (string line in (string[])["key:ff020100", $"tbs:{Convert.ToHexString(SHA256.HashData(certificate))}"])
        {
            Keyring keyring = Keyring.Load([file], Load(line), TimeProvider.System);
            Assert.Equal(SignatureCheck.Good, Verify(keyring, rsa, Revoked));
        }
    }

    [Fact]
    public void Good_signature_of_a_revoked_digest_vouches_for_nothing()
    {
        using RSA rsa = RSA.Create(2048);
        string file = new KeyWorkshop(_directory).CertificateUntil("key", rsa, DateTimeOffset.UtcNow.AddYears(1), [3, 2, 1, 0]);
        Keyring keyring = Keyring.Load([file], Load($"bin:{RevokedHex}"), TimeProvider.System);
        Assert.Equal(SignatureCheck.Revoked, Verify(keyring, rsa, Revoked));
        Assert.Equal(SignatureCheck.Good, Verify(keyring, rsa, Digest.Of(HashAlgorithm.Sha256, "new"u8)));
    }

    [Fact]
    public void Stamp_follows_the_entries()
    {
        Assert.Equal(Load("bin:" + RevokedHex).Stamp, Load($"# again\nbin:{RevokedHex}").Stamp);
        Assert.NotEqual(Load("bin:" + RevokedHex).Stamp, Load("tbs:" + RevokedHex).Stamp);
        Assert.NotEqual(Blacklist.Empty.Stamp, Load("bin:" + RevokedHex).Stamp);
        Assert.Same(Blacklist.Empty, Blacklist.Load([_directory.At("none.d")]));
    }

    Blacklist Load(string text)
    {
        _ = _directory.Write("blacklist.d/list", text);
        return Blacklist.Load([_directory.At("blacklist.d")]);
    }

    static SignatureCheck Verify(Keyring keyring, RSA key, Digest digest)
    {
        byte[] signature = key.SignHash(digest.Bytes.ToArray(), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        byte[] label = new byte[SecurityIma.SignatureHeader + signature.Length];
        SecurityIma.WriteHeader(SecurityImaType.Signature, HashAlgorithm.Sha256, 0x03020100, signature.Length, label);
        signature.CopyTo(label, SecurityIma.SignatureHeader);
        SecurityIma xattr = SecurityIma.Parse(label);
        return keyring.Verify(in xattr, in digest);
    }
}
