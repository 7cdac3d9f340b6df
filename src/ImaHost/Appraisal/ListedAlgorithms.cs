using System.Buffers;
using System.Globalization;
using System.Text;
using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>
/// The algorithms that lists may have digests of, and how lists name them. SHA-1 is none: two files can be made that
/// have the same, one of which somebody vouches for.
/// </summary>
static class ListedAlgorithms
{
    const string Weak = "is too weak to vouch for a file; list it with sha256";

    static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    /// <summary>By the kernel's names.</summary>
    public static IReadOnlyDictionary<string, HashAlgorithm> ByName { get; } =
        HashAlgorithm.All.Where(algorithm => algorithm != HashAlgorithm.Sha1)
            .ToDictionary(algorithm => algorithm.Name, StringComparer.Ordinal);

    /// <summary>As a BSD tag: "SHA256"; also OpenSSL's "SHA2-256".</summary>
    public static HashAlgorithm? OfTag(ReadOnlySpan<byte> tag) => ByName.GetValueOrDefault(NameOf(tag));

    /// <summary>What is wrong with a tag that has no algorithm.</summary>
    public static string WhyNot(ReadOnlySpan<byte> tag) => NameOf(tag) is "sha1" or "md5"
        ? $"{NameOf(tag)} {Weak}"
        : $"\"{ListDraft.Show(tag)}\" is no algorithm that is known here; known are {string.Join(", ", ByName.Keys)}";

    /// <summary>By the length of a digest alone, which means the SHA-2 family.</summary>
    public static HashAlgorithm? OfHexLength(int digits) =>
        digits == 2 * HashAlgorithm.Sha256.Size ? HashAlgorithm.Sha256
        : digits == 2 * HashAlgorithm.Sha384.Size ? HashAlgorithm.Sha384
        : digits == 2 * HashAlgorithm.Sha512.Size ? HashAlgorithm.Sha512
        : null;

    /// <summary>What is wrong with a length that has no algorithm.</summary>
    public static string WhyNot(int digits)
    {
        const int md5 = 32;
        return digits == 2 * HashAlgorithm.Sha1.Size ? $"sha1 {Weak}" : digits == md5 ? $"md5 {Weak}"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"a digest of {digits} hex digits, which is the length of none: sha256 has 64, sha384 96, sha512 128");
    }

    /// <summary>How many hex digits the text begins with.</summary>
    public static int HexLength(ReadOnlySpan<byte> text) =>
        text.IndexOfAnyExcept(HexDigits) is >= 0 and int length ? length : text.Length;

    /// <returns>False: these are not as many hex digits as the algorithm's digests have.</returns>
    public static bool TryParse(ReadOnlySpan<byte> hex, HashAlgorithm algorithm, Span<byte> digest) =>
        hex.Length == 2 * algorithm.Size
        && Convert.FromHexString(hex, digest, out _, out _) == OperationStatus.Done;

    /// <summary>A word of a few letters, in the kernel's spelling.</summary>
    static string NameOf(ReadOnlySpan<byte> tag) => Encoding.Latin1.GetString(tag[..Math.Min(tag.Length, 16)])
        .ToLowerInvariant().Replace("sha2-", "sha", StringComparison.Ordinal);
}
