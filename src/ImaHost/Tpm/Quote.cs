namespace ImaHost.Tpm;

/// <summary>What a TPM signed of its PCRs, and what it takes to check that.</summary>
/// <param name="Message">TPMS_ATTEST: what was signed.</param>
/// <param name="Signature">TPMT_SIGNATURE.</param>
/// <param name="Key">The public part of the key that signed.</param>
/// <param name="Pcrs">The values that the message has a digest of.</param>
sealed record Quote(byte[] Message, byte[] Signature, TpmPublic Key, QuotedPcrs Pcrs)
{
    /// <summary>Bytes of qualifying data at most: TPM2B_DATA holds a digest and its name, Part 2, 10.4.3.</summary>
    public const int MostNonce = 64;

    /// <summary>Why nobody would accept it, or null: what a TPM answers is checked like what anybody sends.</summary>
    public string? Fault(byte[] nonce)
    {
        using var key = QuoteKey.Of(Key, "the TPM's key");
        var verifier = new QuoteVerifier(key, nonce);
        verifier.Run(Message, Signature, Pcrs.ToFile());
        return verifier.Checks.Select(check => check.Fault).FirstOrDefault(fault => fault != null);
    }
}
