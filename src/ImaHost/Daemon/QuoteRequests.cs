using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tpm;

namespace ImaHost.Daemon;

/// <summary>A quote and the list it vouches for, as the host hands them over the control socket.</summary>
/// <param name="Message">TPMS_ATTEST.</param>
/// <param name="Signature">TPMT_SIGNATURE.</param>
/// <param name="Key">TPM2B_PUBLIC.</param>
/// <param name="Pcrs">As <see cref="QuotedPcrs"/> are written.</param>
/// <param name="List">The list.</param>
/// <param name="Entries">Its entries that the quote vouches for.</param>
/// <param name="Bytes">Those in binary.</param>
sealed record QuoteAnswer(
    byte[] Message, byte[] Signature, byte[] Key, byte[] Pcrs, string List, long Entries, long Bytes)
{
    public static QuoteAnswer Of(ListQuote found) => new(
        found.Quote.Message, found.Quote.Signature, found.Quote.Key.Sized, found.Quote.Pcrs.ToFile(), found.Path,
        found.Entries, found.Bytes);

    public ListQuote ToQuote() => new(
        new Quote(
            Message, Signature, TpmPublic.ParseSized(Key, "the host's key"), QuotedPcrs.Parse(Pcrs, "the host's answer")),
        Entries, Bytes, List);
}

/// <summary>The control socket's question "quote HEX": quotes of the TPM, with a nonce.</summary>
static class QuoteRequests
{
    const string Word = "quote ";
    const string Error = "error: ";

    /// <returns>Null when it is another question.</returns>
    public static string? Answer(ControlRequest request, RuntimeMeasurements list)
    {
        if (!request.Line.StartsWith(Word, StringComparison.Ordinal))
        {
            return null;
        }

        if (!TryReadNonce(request.Line[Word.Length..], out byte[] nonce, out string why))
        {
            return $"{Error}{why}\n";
        }

        try
        {
            return JsonSerializer.Serialize(QuoteAnswer.Of(new ListQuotes(list).Take(nonce)), QuoteJson.Default.QuoteAnswer);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            return $"{Error}{e.Message}\n";
        }
    }

    /// <summary>Asks the running host.</summary>
    /// <exception cref="ConfigurationException">No host answers.</exception>
    /// <exception cref="TpmException">It could not quote; the message says why.</exception>
    public static ListQuote Ask(string state, byte[] nonce)
    {
        string answer = ControlSocket.MustAsk(state, Word + Convert.ToHexStringLower(nonce));
        return answer.StartsWith(Error, StringComparison.Ordinal)
            ? throw new TpmException(answer[Error.Length..].TrimEnd('\n'))
            : JsonSerializer.Deserialize(answer, QuoteJson.Default.QuoteAnswer)!.ToQuote();
    }

    /// <summary>What a manifest could be signed with is no nonce: whoever asks would get a signature of it.</summary>
    public static bool TryReadNonce(string hex, out byte[] nonce, out string why)
    {
        nonce = [];
        why = $"a nonce is 1 to {Quote.MostNonce} bytes in hex, two digits for each";
        if (hex.Length is 0 or > 2 * Quote.MostNonce || hex.Length % 2 != 0 || !hex.All(char.IsAsciiHexDigit))
        {
            return false;
        }

        nonce = Convert.FromHexString(hex);
        why = $"manifests of segments are signed with such bytes ({nonce.Length} that begin with 000b): use another nonce";
        return !ManifestQuote.IsQualifyingData(nonce);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(QuoteAnswer))]
sealed partial class QuoteJson : JsonSerializerContext;
