using System.Buffers.Binary;

namespace ImaHost.Crypto;

/// <summary>The first byte of security.ima and security.evm: enum evm_ima_xattr_type, security/integrity/integrity.h.</summary>
enum SecurityImaType : byte
{
    /// <summary>The attribute is not there.</summary>
    None = 0,
    /// <summary>01: a SHA-1 digest without its name (or MD5, which is not read here).</summary>
    Digest = 1,
    /// <summary>03: a signature over the file's digest.</summary>
    Signature = 3,
    /// <summary>04: an algorithm and a digest.</summary>
    DigestNg = 4,
    /// <summary>05: a portable signature; in security.evm.</summary>
    PortableSignature = 5,
    /// <summary>06: a signature over the fs-verity digest.</summary>
    VeritySignature = 6,
    /// <summary>Damaged, or of a kind that is not known.</summary>
    Invalid = 255,
}

/// <summary>
/// The value of security.ima (ima_get_hash_algo, xattr_verify): <c>01 digest</c>, <c>04 algorithm digest</c> or a
/// signature, whose version 2 is <c>03 02 algorithm keyid[4] length[2] signature</c>.
/// </summary>
readonly ref struct SecurityIma
{
    const int SignatureHeader = 9;

    SecurityIma(SecurityImaType type, HashAlgorithm? algorithm, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> value)
    {
        Type = type;
        Algorithm = algorithm;
        Digest = digest;
        Value = value;
    }

    public SecurityImaType Type { get; }

    /// <summary>The algorithm the file is to be hashed with; null when the attribute does not say.</summary>
    public HashAlgorithm? Algorithm { get; }

    /// <summary>The digest it holds, if it holds one.</summary>
    public ReadOnlySpan<byte> Digest { get; }

    /// <summary>The attribute as a whole.</summary>
    public ReadOnlySpan<byte> Value { get; }

    public bool IsDigest => Type is SecurityImaType.Digest or SecurityImaType.DigestNg;

    /// <summary>Also when its header is damaged or of another version: the kernel looks at the first byte alone.</summary>
    public bool IsSignature => Type is SecurityImaType.Signature or SecurityImaType.VeritySignature;

    public static SecurityIma Parse(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            return default;
        }

        switch (value[0])
        {
            case 1 when value.Length == 1 + HashAlgorithm.Sha1.Size:
                return new SecurityIma(SecurityImaType.Digest, HashAlgorithm.Sha1, value[1..], value);
            case 4 when value.Length > 2 && HashAlgorithm.FromKernelId(value[1]) is { } algorithm
                && value.Length == 2 + algorithm.Size:
                return new SecurityIma(SecurityImaType.DigestNg, algorithm, value[2..], value);
            case 3 or 6:
                HashAlgorithm? named = IsSoundSignature(value) ? HashAlgorithm.FromKernelId(value[2]) : null;
                return new SecurityIma((SecurityImaType)value[0], named, default, value);
            default:
                return new SecurityIma(SecurityImaType.Invalid, null, default, value);
        }
    }

    /// <summary>The value that vouches for a digest, as the kernel writes it in fix mode (ima_fix_xattr).</summary>
    /// <returns>Its bytes.</returns>
    public static int Write(in Digest digest, Span<byte> into)
    {
        int header;
        if (digest.Algorithm == HashAlgorithm.Sha1)
        {
            into[0] = (byte)SecurityImaType.Digest;
            header = 1;
        }
        else
        {
            into[0] = (byte)SecurityImaType.DigestNg;
            into[1] = digest.Algorithm.KernelId;
            header = 2;
        }

        digest.Bytes.CopyTo(into[header..]);
        return header + digest.Algorithm.Size;
    }

    static bool IsSoundSignature(ReadOnlySpan<byte> value) =>
        value.Length > SignatureHeader
        && value[1] == (value[0] == (byte)SecurityImaType.Signature ? 2 : 3)
        && BinaryPrimitives.ReadUInt16BigEndian(value[7..]) == value.Length - SignatureHeader;
}
