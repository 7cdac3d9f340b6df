using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tpm;

/// <summary>TPMT_SIGNATURE, TPM 2.0 Part 2, 11.3.4.</summary>
/// <param name="Scheme">TPM_ALG_ID: RSASSA or ECDSA.</param>
/// <param name="R">ECDSA: its first number; RSASSA: the signature.</param>
/// <param name="S">ECDSA: its second number; RSASSA: nothing.</param>
sealed record TpmSignature(ushort Scheme, HashAlgorithm Hash, byte[] R, byte[] S)
{
    /// <param name="what">What it is, for messages.</param>
    /// <exception cref="TpmException">It is none, or of another kind.</exception>
    public static TpmSignature Parse(ReadOnlySpan<byte> bytes, string what)
    {
        var reader = new TpmReader(bytes, what);
        ushort scheme = reader.Take16();
        if (scheme is not (TpmPublic.EcDsa or TpmPublic.RsaSsa))
        {
            throw reader.Refuse($"is a signature of scheme 0x{scheme:x4}; ECDSA and RSASSA are known here");
        }

        HashAlgorithm hash = reader.TakeHash();
        byte[] first = reader.TakeSized().ToArray();
        byte[] second = scheme == TpmPublic.EcDsa ? reader.TakeSized().ToArray() : [];
        reader.End();
        return new TpmSignature(scheme, hash, first, second);
    }
}
