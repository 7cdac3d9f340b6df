using System.Security.Cryptography;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.KeyWorkshop;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Appraisal;

public sealed class KeyringTests : IDisposable
{
    static readonly byte[] Content = [.. "what is signed"u8];

    readonly TemporaryDirectory _directory = new();
    readonly KeyWorkshop _workshop;

    public KeyringTests() => _workshop = new KeyWorkshop(_directory);

    public static TheoryData<string, string, string> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, string, string>();
            foreach (HashAlgorithm hash in HashAlgorithm.All)
            {
                kinds.Add("RSA", "rsa_keygen_bits:2048", hash.Name);
                kinds.Add("EC", "ec_paramgen_curve:P-256", hash.Name);
            }

            kinds.Add("RSA", "rsa_keygen_bits:4096", "sha512");
            kinds.Add("EC", "ec_paramgen_curve:P-384", "sha384");
            kinds.Add("EC", "ec_paramgen_curve:P-384", "sha1");
            kinds.Add("EC", "ec_paramgen_curve:P-521", "sha512");
            return kinds;
        }
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>Of SM3 OpenSSL signs by RSA from version 3.1 on, and the kernel takes neither it nor RIPEMD-160 by ECDSA.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Signature_that_openssl_makes_over_each_hash_is_verified(string algorithm, string option, string hash)
    {
        string key = _workshop.MakeKey("key", algorithm, "-pkeyopt", option);
        byte[] label = SignByOpenSsl(key, hash);
        Keyring keyring = Load(PublicOf(key));

        SignatureCheck found = Verify(keyring, label, Content);

        bool isRefused = hash == "sm3" || (algorithm == "EC" && hash == "rmd160");
        Assert.Equal(isRefused ? SignatureCheck.WrongAlgorithm : SignatureCheck.Good, found);
    }

    [Fact]
    public void Signature_of_another_digest_or_damaged_in_any_byte_is_bad()
    {
        foreach (string[] kind in (string[][])[Rsa, Ec])
        {
            string key = _workshop.MakeKey("key", kind);
            byte[] label = SignByOpenSsl(key, "sha256");
            Keyring keyring = Load(PublicOf(key));
            Assert.Equal(SignatureCheck.Bad, Verify(keyring, label, [.. Content, 0]));
            for (int at = SecurityIma.SignatureHeader; at < label.Length; at++)
            {
                label[at] ^= 0x40;
                Assert.Equal(SignatureCheck.Bad, Verify(keyring, label, Content));
                label[at] ^= 0x40;
            }

            Assert.Equal(SignatureCheck.Good, Verify(keyring, label, Content));
        }
    }

    [Fact]
    public void Signature_cut_at_any_length_or_prolonged_is_damaged()
    {
        string key = _workshop.MakeKey("key", Ec);
        byte[] label = SignByOpenSsl(key, "sha256");
        Keyring keyring = Load(PublicOf(key));
        for (int length = 0; length < label.Length; length++)
        {
            Assert.Equal(SignatureCheck.Damaged, Verify(keyring, label[..length], Content));
        }

        Assert.Equal(SignatureCheck.Damaged, Verify(keyring, [.. label, 0], Content));
        Assert.Equal(SignatureCheck.Damaged, Verify(keyring, [.. label, .. new byte[65_536 - label.Length]], Content));
    }

    [Fact]
    public void Signature_of_the_greatest_length_is_bad_and_not_remembered()
    {
        Keyring keyring = Load(PublicOf(_workshop.MakeKey("key", Rsa)));
        byte[] label = new byte[SecurityIma.SignatureHeader + ushort.MaxValue];
        SecurityIma.WriteHeader(
            SecurityImaType.Signature, HashAlgorithm.Sha256, keyring.Keys[0].Id, ushort.MaxValue, label);
        Assert.Equal(SignatureCheck.Bad, Verify(keyring, label, Content));
    }

    [Fact]
    public void Signature_by_a_key_of_another_kind_under_the_same_id_is_bad()
    {
        string rsa = _workshop.MakeKey("rsa", Rsa);
        Keyring keyring = Load(PublicOf(_workshop.MakeKey("ec", Ec)));
        byte[] label = SignByOpenSsl(rsa, "sha256", keyring.Keys[0].Id);
        Assert.Equal(SignatureCheck.Bad, Verify(keyring, label, Content));
    }

    [Fact]
    public void Signature_whose_header_names_another_hash_is_bad()
    {
        string key = _workshop.MakeKey("key", Rsa);
        byte[] label = SignByOpenSsl(key, "sha256");
        Keyring keyring = Load(PublicOf(key));
        SecurityIma xattr = SecurityIma.Parse(label);
        Assert.Equal(SignatureCheck.Bad, keyring.Verify(in xattr, Digest.Of(HashAlgorithm.Sha3x256, Content)));
        label[2] = HashAlgorithm.Sha3x256.KernelId;
        Assert.Equal(SignatureCheck.Bad, Verify(keyring, label, Content));
        label[2] = 0xee;
        Assert.Equal(SignatureCheck.WrongAlgorithm, Verify(keyring, label, Content));
    }

    [Fact]
    public void Signature_of_a_key_that_is_not_here_is_of_an_unknown_key()
    {
        byte[] label = SignByOpenSsl(_workshop.MakeKey("key", Ec), "sha256");
        Assert.Equal(SignatureCheck.UnknownKey, Verify(Keyring.Empty, label, Content));
        Assert.Equal(SignatureCheck.UnknownKey, Verify(Load(PublicOf(_workshop.MakeKey("other", Ec))), label, Content));
    }

    [Fact]
    public void All_keys_of_one_id_are_tried()
    {
        using RSA first = RSA.Create(2048);
        using RSA second = RSA.Create(2048);
        byte[] identifier = [1, 2, 3, 4, 5, 6, 7, 8];
        DateTimeOffset end = DateTimeOffset.UtcNow.AddYears(1);
        Keyring keyring = Load(
            _workshop.CertificateUntil("first", first, end, identifier),
            _workshop.CertificateUntil("second", second, end, [9, .. identifier[1..]]));
        Assert.Equal(2, keyring.Find(0x05060708).Count);
        foreach (RSA key in (RSA[])[first, second])
        {
            Assert.Equal(SignatureCheck.Good, Verify(keyring, Sign(key, 0x05060708), Content));
        }
    }

    [Fact]
    public void Id_is_the_end_of_the_identifier_of_the_certificate_or_of_the_digest_of_the_key()
    {
        using RSA key = RSA.Create(2048);
        DateTimeOffset end = DateTimeOffset.UtcNow.AddYears(1);
        byte[] bare = SHA1Of(key.ExportRSAPublicKey());
        string pem = _directory.Write("key.pem", key.ExportSubjectPublicKeyInfoPem());
        Assert.Equal(0x11223344u, Assert.Single(Load(_workshop.CertificateUntil("a", key, end, [0, 0x11, 0x22, 0x33, 0x44])).Keys).Id);
        Assert.Equal(bare, Assert.Single(Load(_workshop.CertificateUntil("b", key, end, null)).Keys).Identifier);
        Assert.Equal(bare, Assert.Single(Load(pem).Keys).Identifier);
        string tooShort = _workshop.CertificateUntil("c", key, end, [1, 2, 3]);
        Assert.Equal([$"{tooShort}: the subjectKeyIdentifier of its certificate has fewer than 4 bytes"], Load(tooShort).Warnings);
    }

    [Fact]
    public void Directory_gives_its_keys_and_tells_what_it_refuses()
    {
        string good = PublicOf(_workshop.MakeKey("good", Ec));
        _ = Directory.CreateDirectory(_directory.At("ima"));
        File.Copy(good, _directory.At("ima", "good.pem"));
        File.Copy(good, _directory.At("ima", "again.pem"));
        File.Copy(_directory.At("good.pem"), _directory.At("ima", "private.pem"));
        File.Copy(PublicOf(_workshop.MakeKey("weak", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")), _directory.At("ima", "weak.PEM"));
        _ = _directory.Write("ima/bad.der", "0rubbish");
        _ = _directory.Write("ima/README", "no key");
        _ = _directory.Write("ima/.hidden.pem", "no key");
        Keyring keyring = Load(_directory.At("ima"));
        _ = Assert.Single(keyring.Keys);
        Assert.Collection(
            keyring.Warnings,
            one => Assert.StartsWith($"{_directory.At("ima", "bad.der")}: no key can be read from it: ", one, StringComparison.Ordinal),
            one => Assert.StartsWith($"{_directory.At("ima", "private.pem")}: holds a private key", one, StringComparison.Ordinal),
            one => Assert.StartsWith($"{_directory.At("ima", "weak.PEM")}: its key has 1024 bits", one, StringComparison.Ordinal));
    }

    [Fact]
    public void Missing_directory_has_no_keys_and_a_missing_file_is_told()
    {
        Assert.Empty(Load(_directory.At("none")).Warnings);
        string missing = _directory.At("none.pem");
        Assert.Equal([$"{missing}: No such file or directory (ENOENT)"], Load(missing).Warnings);
    }

    [Fact]
    public void Expired_key_is_told_and_accepted_or_refused_as_configured()
    {
        using RSA key = RSA.Create(2048);
        DateTimeOffset end = DateTimeOffset.UtcNow.AddDays(-1);
        string file = _workshop.CertificateUntil("old", key, end, [1, 2, 3, 4]);
        byte[] label = Sign(key, 0x01020304);
        Keyring accepting = Load(file);
        Keyring refusing = Keyring.Load([file], Blacklist.Empty, TimeProvider.System, ExpiredKeys.Refuse);
        Assert.StartsWith($"{file}: expired on ", Assert.Single(accepting.Warnings), StringComparison.Ordinal);
        Assert.EndsWith("its signatures are refused (expired_keys)", Assert.Single(refusing.Warnings), StringComparison.Ordinal);
        Assert.Equal(SignatureCheck.Good, Verify(accepting, label, Content));
        Assert.Equal(SignatureCheck.Expired, Verify(refusing, label, Content));
        Assert.NotEqual(accepting.Stamp, refusing.Stamp);
    }

    [Fact]
    public void Key_that_expires_while_it_is_in_force_is_refused_from_then_on()
    {
        using RSA key = RSA.Create(2048);
        var clock = new SetClock { Now = DateTimeOffset.UtcNow };
        string file = _workshop.CertificateUntil("key", key, clock.Now.AddDays(20), [1, 2, 3, 4]);
        Keyring keyring = Keyring.Load([file], Blacklist.Empty, clock, ExpiredKeys.Refuse);
        byte[] label = Sign(key, 0x01020304);
        Assert.StartsWith($"{file}: expires on ", Assert.Single(keyring.Warnings), StringComparison.Ordinal);
        Assert.Equal(SignatureCheck.Good, Verify(keyring, label, Content));
        clock.Now = clock.Now.AddDays(21);
        Assert.Equal(SignatureCheck.Expired, Verify(keyring, label, Content));
    }

    [Fact]
    public void Signature_is_verified_once_for_each_content_and_allocates_nothing()
    {
        string key = _workshop.MakeKey("key", Rsa);
        byte[] label = SignByOpenSsl(key, "sha256");
        Keyring keyring = Load(PublicOf(key));
        Digest digest = Digest.Of(HashAlgorithm.Sha256, Content);
        Digest other = Digest.Of(HashAlgorithm.Sha256, label);
        long allocated = 0;
        int wrong = 0;
        for (int round = 0; round < 2000; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            SecurityIma xattr = SecurityIma.Parse(label);
            wrong += keyring.Verify(in xattr, in digest) == SignatureCheck.Good ? 0 : 1;
            wrong += keyring.Verify(in xattr, in other) == SignatureCheck.Bad ? 0 : 1;
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, wrong);
        Assert.Equal(0, allocated);
        Assert.Equal(1 + 2000, keyring.Verifications);
    }

    [Fact]
    public void Keyring_may_be_used_by_several_threads()
    {
        string rsa = _workshop.MakeKey("rsa", Rsa);
        string ec = _workshop.MakeKey("ec", Ec);
        byte[][] labels = [SignByOpenSsl(rsa, "sha256"), SignByOpenSsl(ec, "sha384"), SignByOpenSsl(rsa, "sha512")];
        string[] files = [PublicOf(rsa), PublicOf(ec)];
        int wrong = 0;
        Parallel.For(0, 64, number =>
        {
            Keyring keyring = Load(files);
            for (int round = 0; round < 30; round++)
            {
                byte[] label = labels[(number + round) % labels.Length];
                bool isBad = Verify(keyring, label, [.. Content, (byte)round]) != SignatureCheck.Bad;
                bool isGood = Verify(keyring, label, Content) == SignatureCheck.Good;
                _ = isBad || !isGood ? Interlocked.Increment(ref wrong) : 0;
            }
        });
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Stamp_is_that_of_the_keys_and_not_of_their_files()
    {
        string key = PublicOf(_workshop.MakeKey("key", Ec));
        string same = _directory.Write("same.pem", File.ReadAllText(key));
        string other = PublicOf(_workshop.MakeKey("other", Ec));
        Assert.Equal(Load(key).Stamp, Load(same).Stamp);
        Assert.Equal(Load(key, other).Stamp, Load(other, key).Stamp);
        Assert.NotEqual(Load(key).Stamp, Load(other).Stamp);
        Assert.NotEqual(Keyring.Empty.Stamp, Load(key).Stamp);
    }

    static Keyring Load(params string[] files) => Keyring.Load(files, Blacklist.Empty, TimeProvider.System);

    static SignatureCheck Verify(Keyring keyring, byte[] label, byte[] content)
    {
        SecurityIma xattr = SecurityIma.Parse(label);
        return keyring.Verify(in xattr, Digest.Of(xattr.Algorithm ?? HashAlgorithm.Sha256, content));
    }

    byte[] SignByOpenSsl(string key, string hash, uint? id = null)
    {
        string content = _directory.At("content");
        File.WriteAllBytes(content, Content);
        string digest = _directory.At("digest");
        HashAlgorithm algorithm = HashAlgorithm.FromName(hash)!;
        File.WriteAllBytes(digest, Digest.Of(algorithm, Content).Bytes);
        // One by ECDSA is of the digest's bytes; one by RSA names the hash, which OpenSSL 3.0 cannot for SM3.
        string[] how = IsEc(key)
            ? ["pkeyutl", "-sign", "-in", digest]
            : ["dgst", hash == "sm3" ? "-sha256" : "-" + hash, "-sign", key];
        OpenSsl([.. how, "-out", _directory.At("signature"), .. IsEc(key) ? ["-inkey", key] : (string[])[content]]);
        byte[] signature = File.ReadAllBytes(_directory.At("signature"));
        byte[] label = new byte[SecurityIma.SignatureHeader + signature.Length];
        SecurityIma.WriteHeader(
            SecurityImaType.Signature, algorithm, id ?? Load(PublicOf(key)).Keys[0].Id, signature.Length, label);
        signature.CopyTo(label, SecurityIma.SignatureHeader);
        return label;
    }

    static bool IsEc(string key) => new FileInfo(key).Length < 1000;

    static byte[] Sign(RSA key, uint id)
    {
        byte[] signature = key.SignData(Content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        byte[] label = new byte[SecurityIma.SignatureHeader + signature.Length];
        SecurityIma.WriteHeader(SecurityImaType.Signature, HashAlgorithm.Sha256, id, signature.Length, label);
        signature.CopyTo(label, SecurityIma.SignatureHeader);
        return label;
    }

    static byte[] SHA1Of(byte[] data) => Digest.Of(HashAlgorithm.Sha1, data).Bytes.ToArray();

    sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
