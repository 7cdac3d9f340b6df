using System.Buffers.Binary;
using System.Security.Cryptography;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tpm;

/// <summary>
/// The public part of a signing key of a TPM: TPMT_PUBLIC, TPM 2.0 Part 2, 12.2.4. Of those that sign quotes here: ECDSA
/// on a NIST curve, or RSASSA.
/// </summary>
sealed class TpmPublic
{
    public const ushort AlgorithmNull = 0x0010; // TPM_ALG_NULL, Part 2, 6.3
    public const ushort Rsa = 0x0001; // TPM_ALG_RSA
    public const ushort Ecc = 0x0023; // TPM_ALG_ECC
    public const ushort RsaSsa = 0x0014; // TPM_ALG_RSASSA
    public const ushort EcDsa = 0x0018; // TPM_ALG_ECDSA

    /// <summary>Shorter ones are not trusted.</summary>
    public const int LeastRsaBits = 2048;

    /// <summary>
    /// TPMA_OBJECT, Part 2, 8.3: fixedTPM, sensitiveDataOrigin, restricted and sign. Such a key was made in a TPM, never
    /// left it, and signs nothing that only looks like a quote.
    /// </summary>
    const uint MustHave = (1 << 1) | (1 << 5) | (1 << 16) | (1 << 18);
    const uint Decrypt = 1 << 17;
    const uint UsualExponent = 65537; // "0" in TPMS_RSA_PARMS, Part 2, 12.2.3.5

    TpmPublic(ReadOnlySpan<byte> bytes) => Bytes = bytes.ToArray();

    /// <summary>TPMT_PUBLIC.</summary>
    public byte[] Bytes { get; }

    /// <summary>TPM2B_PUBLIC, as tpm2_readpublic writes it.</summary>
    public byte[] Sized
    {
        get
        {
            byte[] sized = new byte[2 + Bytes.Length];
            BinaryPrimitives.WriteUInt16BigEndian(sized, (ushort)Bytes.Length);
            Bytes.CopyTo(sized, 2);
            return sized;
        }
    }

    /// <summary>TPM_ALG_ID of how it signs.</summary>
    public ushort Scheme { get; private set; }

    /// <summary>Of what is signed, and of the PCRs that are quoted.</summary>
    public required HashAlgorithm Hash { get; init; }

    /// <summary>TPMA_OBJECT.</summary>
    public required uint Attributes { get; init; }

    /// <summary>The key itself; one of both is there.</summary>
    public ECParameters? Curve { get; private set; }

    public RSAParameters? Modulus { get; private set; }

    /// <summary>nameAlg ‖ H(TPMT_PUBLIC): Part 1, 16.</summary>
    public byte[] Name => [.. Bytes.AsSpan(2, 2), .. SHA256.HashData(Bytes)];

    /// <summary>Why quotes of this key prove nothing, or null.</summary>
    public string? WhyNoAttestationKey =>
        (Attributes & MustHave) != MustHave || (Attributes & Decrypt) != 0
            ? $"has attributes 0x{Attributes:x8}: a key that attests is fixedTPM, sensitiveDataOrigin, restricted and sign"
            : null;

    /// <param name="what">What it is, for messages.</param>
    /// <exception cref="TpmException">It is none, or of a kind that signs no quotes here.</exception>
    public static TpmPublic Parse(ReadOnlySpan<byte> bytes, string what)
    {
        var reader = new TpmReader(bytes, what);
        ushort type = reader.Take16();
        reader.Expect16(HashAlgorithm.Sha256.TpmId, "the name algorithm");
        uint attributes = reader.Take32();
        _ = reader.TakeSized(); // authPolicy
        reader.Expect16(AlgorithmNull, "a symmetric algorithm");
        ushort scheme = reader.Take16();
        RequireScheme(type, scheme, in reader);
        var key = new TpmPublic(bytes) { Attributes = attributes, Hash = reader.TakeHash(), Scheme = scheme };
        if (type == Ecc)
        {
            key.Curve = ReadCurve(ref reader);
        }
        else
        {
            key.Modulus = ReadModulus(ref reader);
        }

        reader.End();
        return key;
    }

    /// <summary>TPM2B_PUBLIC.</summary>
    public static TpmPublic ParseSized(ReadOnlySpan<byte> bytes, string what)
    {
        var reader = new TpmReader(bytes, what);
        ReadOnlySpan<byte> inner = reader.TakeSized();
        reader.End();
        return Parse(inner, what);
    }

    /// <summary>Is this what a TPM makes from that template? It adds the key in place of the empty one.</summary>
    public bool IsMadeFrom(ReadOnlySpan<byte> template)
    {
        int kept = template.Length - (Curve != null ? 4 : 2);
        return Bytes.AsSpan(0, kept).SequenceEqual(template[..kept]);
    }

    static void RequireScheme(ushort type, ushort scheme, in TpmReader reader)
    {
        if ((type, scheme) is not ((Ecc, EcDsa) or (Rsa, RsaSsa)))
        {
            throw reader.Refuse(
                $"is of type 0x{type:x4} with scheme 0x{scheme:x4}: quotes are signed by ECDSA or RSASSA keys");
        }
    }

    /// <summary>TPMS_ECC_PARMS from its curve on, and TPMS_ECC_POINT: Part 2, 12.2.3.6 and 11.2.5.2.</summary>
    static ECParameters ReadCurve(ref TpmReader reader)
    {
        (ECCurve curve, int size) = reader.Take16() switch
        {
            0x0003 => (ECCurve.NamedCurves.nistP256, 32), // TPM_ECC_CURVE, Part 2, 6.4
            0x0004 => (ECCurve.NamedCurves.nistP384, 48),
            0x0005 => (ECCurve.NamedCurves.nistP521, 66),
            var other => throw reader.Refuse($"is on curve 0x{other:x4}, which is not known here"),
        };
        reader.Expect16(AlgorithmNull, "a key derivation");
        return new ECParameters
        {
            Curve = curve,
            Q = new ECPoint { X = TakePadded(ref reader, size), Y = TakePadded(ref reader, size) },
        };
    }

    static RSAParameters ReadModulus(ref TpmReader reader)
    {
        ushort bits = reader.Take16();
        uint exponent = reader.Take32();
        ReadOnlySpan<byte> modulus = reader.TakeSized();
        if (bits < LeastRsaBits || modulus.Length * 8 != bits)
        {
            throw reader.Refuse($"has an RSA key of {modulus.Length * 8} bits that says {bits}; at least {LeastRsaBits} are taken");
        }

        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, exponent == 0 ? UsualExponent : exponent);
        return new RSAParameters { Modulus = modulus.ToArray(), Exponent = bytes.AsSpan().TrimStart((byte)0).ToArray() };
    }

    static byte[] TakePadded(ref TpmReader reader, int size)
    {
        ReadOnlySpan<byte> number = reader.TakeSized();
        if (number.Length > size)
        {
            throw reader.Refuse($"has a coordinate of {number.Length} bytes; the curve has {size}");
        }

        byte[] padded = new byte[size];
        number.CopyTo(padded.AsSpan(size - number.Length));
        return padded;
    }
}
