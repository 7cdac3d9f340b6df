using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>Verifies the quote in a manifest: that a TPM's key has signed this manifest and no other.</summary>
static class SignedManifest
{
    const string Key = "manifest: the key of its quote";
    const string Message = "manifest: its quote";
    const string Signature = "manifest: the signature of its quote";

    /// <param name="trusted">The key that must have made it; null: the one that stands in the manifest will do.</param>
    /// <returns>What is wrong with it; null: nothing, or none is there and none must be.</returns>
    public static string? Fault(Manifest manifest, QuoteKey? trusted, DigestSet digests)
    {
        if (manifest.Quote is not { } quote)
        {
            return trusted == null ? null : "manifest: no TPM has signed it";
        }

        try
        {
            using var key = QuoteKey.Of(TpmPublic.ParseSized(Decode(quote.Ak, Key), Key), Key);
            byte[] message = Decode(quote.Attest, Message);
            var signature = TpmSignature.Parse(Decode(quote.Signature, Signature), Signature);
            return trusted != null && !key.Encoded.AsSpan().SequenceEqual(trusted.Encoded) ? $"{Key} is another than the trusted one"
                : !key.Verifies(message, signature, out string why) ? $"{Signature}: {why}"
                : !Attest.Parse(message, Message).Nonce.AsSpan().SequenceEqual(manifest.QualifyingData(digests).Bytes)
                    ? $"{Message} is one of another manifest, or this one was changed"
                : null;
        }
        catch (TpmException e)
        {
            return e.Message;
        }
    }

    static byte[] Decode(string base64, string what)
    {
        byte[] bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out int length)
            ? bytes[..length]
            : throw new TpmException($"{what} is no base64");
    }
}
