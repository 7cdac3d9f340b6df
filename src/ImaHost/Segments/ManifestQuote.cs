using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>
/// A TPM's signature over a manifest and over the PCRs of the list, at some moment after the segment ended: TPM2_Quote
/// whose qualifying data are the digest of the rest of the manifest.
/// </summary>
/// <param name="Attest">TPMS_ATTEST, base64.</param>
/// <param name="Signature">TPMT_SIGNATURE, base64.</param>
/// <param name="Ak">TPM2B_PUBLIC of the key, base64.</param>
/// <param name="Entries">The entries of the list that were extended by then, counted from its first.</param>
/// <param name="Pcrs">What was quoted: every PCR that the list had used by then, in every bank.</param>
sealed record ManifestQuote(string Attest, string Signature, string Ak, long Entries, PcrTable Pcrs)
{
    const int QualifyingSize = 34;

    public static ManifestQuote Of(byte[] message, byte[] signature, TpmPublic key, long entries, QuotedPcrs pcrs) => new(
        Convert.ToBase64String(message), Convert.ToBase64String(signature), Convert.ToBase64String(key.Sized), entries,
        PcrTables.Of(pcrs));

    /// <summary>
    /// The digest of a manifest as TPMT_HA (TPM 2.0 Part 2, 10.3.2), TPM_ALG_SHA256 before it: what nobody may give as a
    /// nonce, so that no answer to a nonce is ever taken for the quote of a manifest.
    /// </summary>
    public static byte[] Qualify(in Digest digest) => [0, (byte)digest.Algorithm.TpmId, .. digest.Bytes];

    /// <summary>Could a manifest be signed with these bytes? Then they are no nonce.</summary>
    public static bool IsQualifyingData(ReadOnlySpan<byte> nonce) =>
        nonce.Length == QualifyingSize && nonce[0] == 0 && nonce[1] == HashAlgorithm.Sha256.TpmId;
}
