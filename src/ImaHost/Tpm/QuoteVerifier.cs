using ImaHost.Crypto;

namespace ImaHost.Tpm;

/// <summary>One sentence about evidence.</summary>
/// <param name="File">What it is about.</param>
/// <param name="Claim">What holds of it, if there is no fault.</param>
/// <param name="Fault">Why it does not hold; begins with the file. Null: it holds.</param>
sealed record QuoteCheck(string File, string Claim, string? Fault);

/// <summary>
/// Does a quote prove the PCR values that came with it? Needs no TPM: only the key that is trusted, and the nonce that was
/// asked for.
/// </summary>
sealed class QuoteVerifier(QuoteKey trusted, byte[] nonce)
{
    readonly List<QuoteCheck> _checks = [];

    /// <summary>In the order in which they were made; what cannot be checked after a fault is left out.</summary>
    public IReadOnlyList<QuoteCheck> Checks => _checks;

    /// <summary>What was signed; null when it cannot be read. To be believed if <see cref="IsProven"/>.</summary>
    public Attest? Attest { get; private set; }

    /// <summary>The values; null when they cannot be read. To be believed if <see cref="IsProven"/>.</summary>
    public QuotedPcrs? Pcrs { get; private set; }

    public bool IsProven => _checks.Count > 0 && _checks.All(check => check.Fault == null);

    /// <param name="message">TPMS_ATTEST.</param>
    /// <param name="signature">TPMT_SIGNATURE.</param>
    /// <param name="pcrs">As <see cref="QuotedPcrs"/> are written.</param>
    public void Run(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> pcrs)
    {
        if (!TryRead(signature, QuoteFiles.Signature, TpmSignature.Parse, out TpmSignature? signed))
        {
            return;
        }

        bool isSigned = trusted.Verifies(message, signed, out string why);
        Check(QuoteFiles.Signature, $"is the trusted key's signature of {QuoteFiles.Message}", isSigned ? null : $"{why} ({QuoteFiles.Message})");
        if (!TryRead(message, QuoteFiles.Message, Attest.Parse, out Attest? attest))
        {
            return;
        }

        Attest = attest;
        Check(QuoteFiles.Message, "is a quote that a TPM made", null);
        Check(QuoteFiles.Message, "answers the nonce", attest.Nonce.AsSpan().SequenceEqual(nonce)
            ? null
            : $"answers nonce {Hex(attest.Nonce)}, not {Hex(nonce)}");
        if (TryRead(pcrs, QuoteFiles.Pcrs, QuotedPcrs.Parse, out QuotedPcrs? values))
        {
            Pcrs = values;
            Check(QuoteFiles.Pcrs, $"holds the PCR values that {QuoteFiles.Message} vouches for", Compare(attest, values, signed.Hash));
        }
    }

    static string? Compare(Attest attest, QuotedPcrs values, HashAlgorithm hash)
    {
        if (!values.Selection.Equals(attest.Pcrs))
        {
            return $"holds values of other PCRs than {QuoteFiles.Message} is about";
        }

        if (values.Values.Count == 0)
        {
            return $"holds no value, and {QuoteFiles.Message} is about none";
        }

        byte[] digest = values.Hash(hash);
        return digest.AsSpan().SequenceEqual(attest.PcrDigest)
            ? null
            : $"holds values with digest {Hex(digest)}; {QuoteFiles.Message} is about {Hex(attest.PcrDigest)}";
    }

    delegate T Parser<T>(ReadOnlySpan<byte> bytes, string what);

    bool TryRead<T>(
        ReadOnlySpan<byte> bytes, string file, Parser<T> parse,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? read)
        where T : class
    {
        try
        {
            read = parse(bytes, file);
            return true;
        }
        catch (TpmException e)
        {
            _checks.Add(new QuoteCheck(file, "can be read", e.Message));
            read = null;
            return false;
        }
    }

    void Check(string file, string claim, string? fault) =>
        _checks.Add(new QuoteCheck(file, claim, fault == null ? null : $"{file} {fault}"));

    static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
