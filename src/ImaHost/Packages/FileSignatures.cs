using System.Globalization;
using ImaHost.Crypto;

namespace ImaHost.Packages;

/// <summary>What came of looking at a signature.</summary>
/// <param name="IsVerified">A trusted key made it of that digest.</param>
/// <param name="Refusal">What it says against the file; null: nothing.</param>
readonly record struct FileSignatureVerdict(bool IsVerified, string? Refusal)
{
    /// <summary>A trusted key made it.</summary>
    public static FileSignatureVerdict Verified => new(IsVerified: true, Refusal: null);

    /// <summary>Nobody here can tell: it says nothing, neither for the file nor against it.</summary>
    public static FileSignatureVerdict Unknown => default;
}

/// <summary>Asks whether a signature is good and its key is trusted.</summary>
delegate FileSignatureVerdict FileSignatureCheck(in SecurityIma signature, in Digest signed);

/// <summary>
/// The IMA signatures in a header of rpm: looked at where they are, so that a package whose signatures are damaged does not
/// vouch for the files they stand at.
/// </summary>
/// <param name="check">Is asked about each that is well-formed; null: nobody can tell of any.</param>
sealed class FileSignatures(FileSignatureCheck? check)
{
    const int KeyIdAt = 3; // struct signature_v2_hdr, security/integrity/integrity.h
    const int KeyIdSize = 4;
    readonly SortedSet<string> _keys = new(StringComparer.Ordinal);

    /// <summary>The ids of the keys whose signatures were verified, hexadecimal. Anybody can write the id of any key.</summary>
    public IReadOnlyList<string> Keys => [.. _keys];

    /// <summary>Looks at the signature of a file.</summary>
    /// <param name="algorithm">Of the header's digests.</param>
    /// <returns>What is wrong with it; null: nothing, or there is none.</returns>
    public string? Refuse(RpmFile file, HashAlgorithm algorithm)
    {
        if (file.Signature.Length == 0)
        {
            return null;
        }

        if (!TryDecode(file.Signature, out byte[] value) || !TryDecode(file.Digest, out byte[] bytes)
            || bytes.Length != algorithm.Size)
        {
            return "its signature is not hexadecimal";
        }

        var digest = new Digest(algorithm, bytes);
        SecurityIma signature = SecurityIma.Parse(value);
        if (signature.Type != SecurityImaType.Signature || signature.Algorithm == null)
        {
            return "its signature is damaged, or of a version that is not known";
        }

        if (signature.Algorithm != algorithm)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"its signature is over a {signature.Algorithm} digest, the header has {algorithm}");
        }

        FileSignatureVerdict verdict = check?.Invoke(in signature, in digest) ?? FileSignatureVerdict.Unknown;
        if (verdict.IsVerified)
        {
            _ = _keys.Add(Convert.ToHexStringLower(value.AsSpan(KeyIdAt, KeyIdSize)));
        }

        return verdict.Refusal;
    }

    static bool TryDecode(string text, out byte[] bytes)
    {
        bytes = new byte[text.Length / 2];
        return Convert.FromHexString(text, bytes, out int taken, out _) == System.Buffers.OperationStatus.Done
            && taken == text.Length;
    }
}
