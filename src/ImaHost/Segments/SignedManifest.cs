using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>
/// Verifies the quote in a manifest: that a TPM's key has signed this manifest and no other, together with the PCR values
/// beside it. That the list leads to those values is for <see cref="FollowedQuote"/>.
/// </summary>
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
            if (trusted != null && !key.Encoded.AsSpan().SequenceEqual(trusted.Encoded))
            {
                return $"{Key} is another than the trusted one";
            }

            if (!key.Verifies(message, signature, out string why))
            {
                return $"{Signature}: {why}";
            }

            var attest = Attest.Parse(message, Message);
            return !attest.Nonce.AsSpan().SequenceEqual(manifest.QualifyingData(digests))
                ? $"{Message} is one of another manifest, or this one was changed"
                : FaultOfPcrs(manifest, quote, attest, signature.Hash, digests);
        }
        catch (TpmException e)
        {
            return e.Message;
        }
    }

    /// <summary>Are the values beside the quote those that it is about, and are they all that the list has?</summary>
    static string? FaultOfPcrs(Manifest manifest, ManifestQuote quote, Attest attest, HashAlgorithm hash, DigestSet digests)
    {
        PcrBanks beside = PcrTables.Read(quote.Pcrs, digests);
        var quoted = QuotedPcrs.Take(attest.Pcrs, PcrTables.SourceOf(beside));
        PcrTable values = PcrTables.Of(quoted);
        return !PcrTables.AreSame(values, quote.Pcrs) ? $"{Message} is about other PCRs than stand beside it"
            : !quoted.Hash(hash).AsSpan().SequenceEqual(attest.PcrDigest) ? $"{Message} is about other values than stand beside it"
            : FindUnquoted(manifest.PcrsAfter, values) is { } missing ? $"{Message} is not about PCR {missing}"
            : quote.Entries < manifest.End.Entries
                ? string.Create(
                    CultureInfo.InvariantCulture, $"{Message} is of a moment after entry {quote.Entries}, before the segment ends ({manifest.End.Entries})")
            : null;
    }

    /// <summary>A PCR that the list uses must not be left out, in no bank: it could hold anything.</summary>
    static string? FindUnquoted(PcrTable after, PcrTable quoted) => after
        .SelectMany(bank => bank.Value.Keys.Select(pcr => (Bank: bank.Key, Pcr: pcr)))
        .Where(one => quoted.GetValueOrDefault(one.Bank)?.ContainsKey(one.Pcr) != true)
        .Select(one => $"{one.Pcr} of {one.Bank}")
        .FirstOrDefault();

    static byte[] Decode(string base64, string what)
    {
        byte[] bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out int length)
            ? bytes[..length]
            : throw new TpmException($"{what} is no base64");
    }
}
