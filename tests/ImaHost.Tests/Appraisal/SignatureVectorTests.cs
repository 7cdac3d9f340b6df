using System.Globalization;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using Xunit;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Appraisal;

/// <summary>Files that evmctl signed and a kernel judged.</summary>
public sealed class SignatureVectorTests
{
    /// <summary>Those with a signature. That kernel had no ECDSA, and the key "other" was not loaded.</summary>
    public static TheoryData<string> SignedFiles =>
    [
        .. ReadFiles("appraise-enforce", "files-before.txt")
            .Where(file => file.Value is [3 or 6, ..]).Select(file => file.Name),
    ];

    [Theory]
    [InlineData("rsa", "a4010f57")]
    [InlineData("ec", "89ab6bb8")]
    [InlineData("other", "452b0dc4")]
    public void Key_has_the_id_that_the_kernel_finds_it_by(string name, string id) =>
        Assert.Equal(id, Assert.Single(Load("ima-sig", name).Keys).Id.ToString("x8", CultureInfo.InvariantCulture));

    [Fact]
    public void Signatures_by_evmctl_in_a_list_are_good()
    {
        Keyring keyring = Load("ima-sig", "rsa", "ec");
        int signatures = 0;
        foreach (string[] words in File.ReadLines(KernelVector.Open("ima-sig").AsciiPath).Select(line => line.Split(' ')))
        {
            if (words[^1].StartsWith("03", StringComparison.Ordinal))
            {
                string[] digest = words.First(word => word.StartsWith("sha", StringComparison.Ordinal)).Split(':');
                SecurityIma xattr = SecurityIma.Parse(Convert.FromHexString(words[^1]));
                Assert.Equal(SignatureCheck.Good, keyring.Verify(in xattr, Parse(digest[0], digest[1])));
                signatures++;
            }
        }

        Assert.Equal(4, signatures);
    }

    [Theory]
    [MemberData(nameof(SignedFiles))]
    public void Signature_is_judged_as_the_kernel_did(string name)
    {
        (_, Digest collected, byte[] value) = ReadFiles("appraise-enforce", "files-before.txt").Single(file => file.Name == name);
        SecurityIma xattr = SecurityIma.Parse(value);
        Digest verity = ReadVerity(name);
        SignatureFinding found = SignatureAppraisal.Appraise(in xattr, in collected, in verity, Load("appraise-enforce", "rsa"));

        Assert.Equal(WasAllowed(name), found.Outcome == Outcome.Pass);
        Assert.Equal(xattr.KeyId, found.KeyId);
        Assert.Equal(
            name switch { "badsig" or "vbad" => SignatureCheck.Bad, "unknownkey" or "ec" => SignatureCheck.UnknownKey, _ => SignatureCheck.Good },
            found.Check);
    }

    [Fact]
    public void Signature_by_ECDSA_is_good_where_its_key_is_there()
    {
        (_, Digest collected, byte[] value) = ReadFiles("appraise-enforce", "files-before.txt").Single(file => file.Name == "ec");
        SecurityIma xattr = SecurityIma.Parse(value);
        Assert.Equal(SignatureCheck.Good, Load("appraise-enforce", "ec").Verify(in xattr, in collected));
    }

    static bool WasAllowed(string name) => File.ReadLines(Locate("appraise-enforce", "outcomes.txt")).Contains($"exec {name}: rc=0");

    static Keyring Load(string vector, params string[] keys)
    {
        Keyring keyring = Keyring.Load(
            [.. keys.Select(key => Locate(vector, "keys", key + ".der"))], Blacklist.Empty, TimeProvider.System);
        Assert.Empty(keyring.Warnings);
        return keyring;
    }

    static IEnumerable<(string Name, Digest Digest, byte[] Value)> ReadFiles(string vector, string file) =>
        from line in File.ReadLines(Locate(vector, file))
        let words = line.Split(' ')
        select (words[0], Parse("sha256", words[1].Split(':')[1]), Convert.FromHexString(words[2].Split(':')[1]));

    static Digest ReadVerity(string name)
    {
        string? line = File.ReadLines(Locate("appraise-enforce", "verity.txt"))
            .FirstOrDefault(line => line.StartsWith($"{name} ", StringComparison.Ordinal));
        return line == null ? default : Parse("sha256", line.Split(':')[1]);
    }

    static Digest Parse(string algorithm, string hex) =>
        new(HashAlgorithm.FromName(algorithm)!, Convert.FromHexString(hex));

    static string Locate(string vector, params string[] parts) =>
        Repository.Locate(["tests", "testdata", "vectors", vector, .. parts]);
}
