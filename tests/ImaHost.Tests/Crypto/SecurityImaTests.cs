using System.Buffers.Binary;
using ImaHost.Crypto;
using Xunit;

namespace ImaHost.Tests.Crypto;

public sealed class SecurityImaTests
{
    public static TheoryData<string> Algorithms => ["sha1", "rmd160", "sha224", "sha256", "sha384", "sha512"];

    /// <summary>Values in hex that are neither a digest nor a signature that is understood.</summary>
    public static TheoryData<string> Damaged =>
    [
        "00", "01", "02", "03", "04", "05", "06", "07", "ff",
        "01" + Hex(16), "01" + Hex(19), "01" + Hex(21), "01" + Hex(32),
        "0404", "0404" + Hex(31), "0404" + Hex(33), "0402" + Hex(32), "0406" + Hex(63), "0406" + Hex(65),
        "0401" + Hex(16), "0408" + Hex(16), "04ff" + Hex(32), "0400" + Hex(16),
        "0302", "0302040102030400", "030204010203040000", "0302040102030400ff", "03020401020304000100" + "00",
        "030204010203040002" + "00", "0302040102030400ff" + Hex(254), "0302040102030400ff" + Hex(256),
        "030104010203040001" + "00", "030004010203040001" + "00", "06ff04010203040001" + "00",
    ];

    [Fact]
    public void Parse_gives_nothing_for_no_value()
    {
        SecurityIma nothing = SecurityIma.Parse(default);
        Assert.Equal(SecurityImaType.None, nothing.Type);
        Assert.Null(nothing.Algorithm);
        Assert.False(nothing.IsDigest);
        Assert.False(nothing.IsSignature);
    }

    [Fact]
    public void Parse_reads_a_SHA1_digest_without_a_name()
    {
        byte[] value = [1, .. Numbered(20)];
        SecurityIma xattr = SecurityIma.Parse(value);
        Assert.Equal(SecurityImaType.Digest, xattr.Type);
        Assert.Same(HashAlgorithm.Sha1, xattr.Algorithm);
        Assert.Equal(Numbered(20), xattr.Digest);
        Assert.Equal(value, xattr.Value);
        Assert.True(xattr.IsDigest);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Parse_reads_a_digest_of_each_algorithm(string name)
    {
        HashAlgorithm algorithm = HashAlgorithm.FromName(name)!;
        SecurityIma xattr = SecurityIma.Parse([4, algorithm.KernelId, .. Numbered(algorithm.Size)]);
        Assert.Equal(SecurityImaType.DigestNg, xattr.Type);
        Assert.Same(algorithm, xattr.Algorithm);
        Assert.Equal(Numbered(algorithm.Size), xattr.Digest);
        Assert.True(xattr.IsDigest);
        Assert.False(xattr.IsSignature);
    }

    [Theory]
    [InlineData(3, 2, 1)]
    [InlineData(3, 2, 256)]
    [InlineData(3, 2, 512)]
    [InlineData(6, 3, 256)]
    public void Parse_reads_the_header_of_a_signature(byte type, byte version, int length)
    {
        byte[] value = Signature(type, version, 4, length);
        SecurityIma xattr = SecurityIma.Parse(value);
        Assert.Equal((SecurityImaType)type, xattr.Type);
        Assert.Same(HashAlgorithm.Sha256, xattr.Algorithm);
        Assert.True(xattr.IsSignature);
        Assert.False(xattr.IsDigest);
        Assert.True(xattr.Digest.IsEmpty);
        Assert.Equal(value, xattr.Value);
    }

    [Fact]
    public void Parse_takes_a_signature_over_an_unknown_hash_for_one_without_an_algorithm()
    {
        SecurityIma xattr = SecurityIma.Parse(Signature(3, 2, 0xee, 64));
        Assert.True(xattr.IsSignature);
        Assert.Null(xattr.Algorithm);
    }

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Parse_finds_no_algorithm_in_what_is_damaged(string hex)
    {
        byte[] value = Convert.FromHexString(hex);
        SecurityIma xattr = SecurityIma.Parse(value);
        SecurityImaType expected = value[0] is 3 or 6 ? (SecurityImaType)value[0] : SecurityImaType.Invalid;
        Assert.Equal(expected, xattr.Type);
        Assert.Null(xattr.Algorithm);
        Assert.True(xattr.Digest.IsEmpty);
        Assert.Equal(value, xattr.Value);
    }

    [Theory]
    [InlineData(3, 2, nameof(SignatureForm.Sound))]
    [InlineData(6, 3, nameof(SignatureForm.Sound))]
    [InlineData(3, 1, nameof(SignatureForm.OtherVersion))]
    [InlineData(3, 3, nameof(SignatureForm.OtherVersion))]
    [InlineData(6, 2, nameof(SignatureForm.OtherVersion))]
    [InlineData(4, 2, nameof(SignatureForm.None))]
    public void Form_tells_the_version_that_fits_the_type(byte type, byte version, string form)
    {
        SecurityIma xattr = SecurityIma.Parse(Signature(type, version, 4, 30));
        Assert.Equal(Enum.Parse<SignatureForm>(form), xattr.Form);
        bool isSound = xattr.Form == SignatureForm.Sound;
        Assert.Equal(isSound ? 0xa4010f57 : 0, xattr.KeyId);
        Assert.Equal(isSound ? Numbered(30) : [], xattr.Signature);
    }

    [Fact]
    public void Form_tells_a_signature_cut_at_any_length_and_one_that_goes_on()
    {
        byte[] whole = Signature(3, 2, 4, 256);
        for (int length = 1; length < whole.Length; length++)
        {
            SecurityIma cut = SecurityIma.Parse(whole.AsSpan(0, length));
            Assert.Equal(SignatureForm.Truncated, cut.Form);
            Assert.Null(cut.Algorithm);
            Assert.Equal(0u, cut.KeyId);
        }

        Assert.Equal(SignatureForm.Oversized, SecurityIma.Parse([.. whole, 0]).Form);
        Assert.Equal(SignatureForm.Oversized, SecurityIma.Parse([.. whole, .. new byte[65_000]]).Form);
        Assert.Equal(SignatureForm.None, SecurityIma.Parse(default).Form);
    }

    [Fact]
    public void WriteHeader_makes_what_Parse_reads()
    {
        foreach (SecurityImaType type in (SecurityImaType[])[SecurityImaType.Signature, SecurityImaType.VeritySignature])
        {
            byte[] value = new byte[SecurityIma.SignatureHeader + 300];
            SecurityIma.WriteHeader(type, HashAlgorithm.Sha384, 0x01020304, 300, value);
            SecurityIma xattr = SecurityIma.Parse(value);
            Assert.Equal(type, xattr.Type);
            Assert.Equal(SignatureForm.Sound, xattr.Form);
            Assert.Same(HashAlgorithm.Sha384, xattr.Algorithm);
            Assert.Equal(0x01020304u, xattr.KeyId);
        }
    }

    [Fact]
    public void Parse_takes_any_bytes()
    {
        var random = new Random(6);
        for (int round = 0; round < 100_000; round++)
        {
            byte[] value = new byte[random.Next(80)];
            random.NextBytes(value);
            if (value.Length > 1)
            {
                value[0] %= 8;
                value[1] %= 8;
            }

            SecurityIma xattr = SecurityIma.Parse(value);
            Assert.Equal(xattr.IsDigest, !xattr.Digest.IsEmpty);
            Assert.True(xattr.IsDigest ? xattr.Digest.Length == xattr.Algorithm!.Size : xattr.Type != SecurityImaType.Digest);
        }
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Write_makes_what_Parse_reads(string name)
    {
        HashAlgorithm algorithm = HashAlgorithm.FromName(name)!;
        byte[] value = new byte[2 + HashAlgorithm.MaxSize];
        int length = SecurityIma.Write(new Digest(algorithm, Numbered(algorithm.Size)), value);
        Assert.Equal(algorithm == HashAlgorithm.Sha1 ? 21 : 2 + algorithm.Size, length);
        SecurityIma xattr = SecurityIma.Parse(value.AsSpan(0, length));
        Assert.Same(algorithm, xattr.Algorithm);
        Assert.Equal(Numbered(algorithm.Size), xattr.Digest);
        Assert.Equal(algorithm == HashAlgorithm.Sha1 ? SecurityImaType.Digest : SecurityImaType.DigestNg, xattr.Type);
    }

    static string Hex(int length) => Convert.ToHexString(Numbered(length));

    static byte[] Numbered(int length) => [.. Enumerable.Range(1, length).Select(number => (byte)number)];

    static byte[] Signature(byte type, byte version, byte algorithm, int length)
    {
        byte[] value = [type, version, algorithm, 0xa4, 0x01, 0x0f, 0x57, 0, 0, .. Numbered(length)];
        BinaryPrimitives.WriteUInt16BigEndian(value.AsSpan(7), (ushort)length);
        return value;
    }
}
