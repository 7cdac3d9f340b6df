using System.Security.Cryptography;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Interop;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Crypto;

public sealed class DigestTests : IDisposable
{
    readonly DigestSet _digests = new();

    public static TheoryData<string> Algorithms =>
        ["sha1", "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"];

    public void Dispose() => _digests.Dispose();

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Hash_equals_that_of_the_platform(string name)
    {
        HashAlgorithm algorithm = Find(name);
        foreach (int length in new[] { 0, 1, 55, 56, 63, 64, 65, 111, 112, 128, 4096, 100_000 })
        {
            byte[] data = Numbered(length);
            byte[] expected = CryptographicOperations.HashData(new HashAlgorithmName(name.ToUpperInvariant()), data);
            Digest digest = _digests.Hash(algorithm, data);
            Assert.Equal(expected, digest.Bytes);
            Assert.Equal($"{name}:{Convert.ToHexStringLower(expected)}", digest.ToString());
        }
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Update_in_parts_equals_the_hash_of_the_whole(string name)
    {
        HashAlgorithm algorithm = Find(name);
        byte[] data = Numbered(1000);
        EvpDigest context = _digests[algorithm];
        context.Update("forgotten"u8);
        context.Reset();
        for (int at = 0; at < data.Length; at += 17)
        {
            context.Update(data.AsSpan(at, Math.Min(17, data.Length - at)));
        }

        byte[] digest = new byte[algorithm.Size];
        context.Finish(digest);
        Assert.Equal(_digests.Hash(algorithm, data).Bytes, digest);
    }

    /// <summary>The example of GB/T 32905-2016, A.1; the platform has no SM3 of its own to compare with.</summary>
    [Fact]
    public void Hash_equals_the_example_of_the_standard_for_sm3() => Assert.Equal(
        "sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
        _digests.Hash(Find("sm3"), "abc"u8).ToString());

    [Fact]
    public void Set_makes_one_context_for_each_algorithm() =>
        Assert.Same(_digests[HashAlgorithm.Sha256], _digests[HashAlgorithm.Sha256]);

    [Fact]
    public void Context_refuses_an_algorithm_that_OpenSSL_lacks()
    {
        NotSupportedException refused = Assert.Throws<NotSupportedException>(() => new EvpDigest("sha257"));
        Assert.Contains("sha257", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Zero_is_as_long_as_the_algorithm_wants()
    {
        foreach (HashAlgorithm algorithm in HashAlgorithm.All)
        {
            Assert.Equal(new byte[algorithm.Size], Digest.Zero(algorithm).Bytes);
        }
    }

    [Fact]
    public void Algorithms_are_found_by_each_of_their_names()
    {
        foreach (HashAlgorithm algorithm in HashAlgorithm.All)
        {
            Assert.Same(algorithm, HashAlgorithm.FromName(algorithm.Name));
            Assert.Same(algorithm, HashAlgorithm.FromName(Encoding.ASCII.GetBytes(algorithm.Name)));
            Assert.Same(algorithm, HashAlgorithm.FromKernelId(algorithm.KernelId));
            bool isBank = HashAlgorithm.Banks.Contains(algorithm);
            Assert.Same(isBank ? algorithm : null, HashAlgorithm.FromTpmId(algorithm.TpmId));
            Assert.Same(isBank ? algorithm : null, HashAlgorithm.FromBankName(algorithm.Name));
            using var context = new EvpDigest(algorithm.Name);
            Assert.Equal(algorithm.Size, context.Size);
        }

        Assert.Null(HashAlgorithm.FromName("md5"));
        Assert.Null(HashAlgorithm.FromName("SHA256"u8));
        Assert.Null(HashAlgorithm.FromKernelId(1));
        Assert.Null(HashAlgorithm.FromTpmId(0x10));
        Assert.Null(HashAlgorithm.FromTpmId(0));
    }

    [Theory]
    [InlineData("rmd160", 3)]
    [InlineData("sha224", 7)]
    public void Algorithm_that_no_TPM_has_is_for_files_alone(string name, int kernelId)
    {
        HashAlgorithm algorithm = Find(name);
        Assert.Equal(kernelId, algorithm.KernelId);
        Assert.Contains(algorithm, HashAlgorithm.All);
        Assert.DoesNotContain(algorithm, HashAlgorithm.Banks);
    }

    [Fact]
    public void Digest_made_at_once_is_that_of_a_context()
    {
        byte[] data = Numbered(1000);
        foreach (HashAlgorithm algorithm in HashAlgorithm.All)
        {
            Assert.Equal(_digests.Hash(algorithm, data).ToString(), Digest.Of(algorithm, data).ToString());
        }
    }

    static HashAlgorithm Find(string name)
    {
        HashAlgorithm? algorithm = HashAlgorithm.FromName(name);
        Assert.SkipWhen(algorithm == null, $"OpenSSL has no {name} here");
        return algorithm;
    }

    static byte[] Numbered(int length) => [.. Enumerable.Range(0, length).Select(number => (byte)(number * 7))];
}
