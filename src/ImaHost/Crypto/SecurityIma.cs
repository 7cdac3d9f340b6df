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

/// <summary>How the header of a signature fits what is there (asymmetric_verify, digsig_asymmetric.c).</summary>
enum SignatureForm
{
    /// <summary>It is no signature.</summary>
    None,
    /// <summary>Header and length are right.</summary>
    Sound,
    /// <summary>Of another version than its type has: 2 for 03, 3 for 06.</summary>
    OtherVersion,
    /// <summary>It ends before its length says, or has none.</summary>
    Truncated,
    /// <summary>More follows than its length says.</summary>
    Oversized,
}

/// <summary>
/// The value of security.ima (ima_get_hash_algo, xattr_verify): <c>01 digest</c>, <c>04 algorithm digest</c> or a
/// signature, whose version 2 is <c>03 02 algorithm keyid[4] length[2] signature</c>.
/// </summary>
readonly ref struct SecurityIma
{
    /// <summary>sizeof(struct signature_v2_hdr) with the type before it.</summary>
    public const int SignatureHeader = 9;

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

    /// <summary>Whether its header can be relied on.</summary>
    public SignatureForm Form => IsSignature ? FormOf(Value) : SignatureForm.None;

    /// <summary>Of a sound signature: the end of the identifier of the key that made it.</summary>
    public uint KeyId => Form == SignatureForm.Sound ? BinaryPrimitives.ReadUInt32BigEndian(Value[3..]) : 0;

    /// <summary>Of a sound signature: PKCS #1 v1.5, or ECDSA in DER.</summary>
    public ReadOnlySpan<byte> Signature => Form == SignatureForm.Sound ? Value[SignatureHeader..] : default;

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
                HashAlgorithm? named = FormOf(value) == SignatureForm.Sound ? HashAlgorithm.FromKernelId(value[2]) : null;
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

    /// <summary>Writes what precedes a signature (struct signature_v2_hdr).</summary>
    /// <param name="type">Of a file's digest, or of its fs-verity digest.</param>
    /// <param name="length">Bytes of the signature that follows.</param>
    public static void WriteHeader(
        SecurityImaType type, HashAlgorithm algorithm, uint keyId, int length, Span<byte> into)
    {
        into[0] = (byte)type;
        into[1] = VersionOf(into[0]);
        into[2] = algorithm.KernelId;
        BinaryPrimitives.WriteUInt32BigEndian(into[3..], keyId);
        BinaryPrimitives.WriteUInt16BigEndian(into[7..], checked((ushort)length));
    }

    static byte VersionOf(byte type) => (byte)(type == (byte)SecurityImaType.Signature ? 2 : 3);

    static SignatureForm FormOf(ReadOnlySpan<byte> value)
    {
        if (value.Length > 1 && value[1] != VersionOf(value[0]))
        {
            return SignatureForm.OtherVersion;
        }

        int more = value.Length - SignatureHeader;
        int told = more > 0 ? BinaryPrimitives.ReadUInt16BigEndian(value[7..]) : 0;
        return more <= 0 || more < told ? SignatureForm.Truncated
            : more > told ? SignatureForm.Oversized
            : SignatureForm.Sound;
    }
}
