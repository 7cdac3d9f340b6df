using System.Text;

namespace ImaHost.Tpm;

/// <summary>The files of a quote, as tpm2_checkquote takes them, and its PCR values for people.</summary>
static class QuoteFiles
{
    /// <summary>TPMS_ATTEST: tpm2_checkquote -m.</summary>
    public const string Message = "quote.msg";

    /// <summary>TPMT_SIGNATURE: -s.</summary>
    public const string Signature = "quote.sig";

    /// <summary>The values of the PCRs: -f.</summary>
    public const string Pcrs = "quote.pcrs";

    /// <summary>The same as tpm2_pcrread prints them.</summary>
    public const string PcrText = "pcrs.txt";

    /// <summary>TPM2B_PUBLIC: -u.</summary>
    public const string Key = "ak.pub";

    /// <summary>The same key in PEM: -u.</summary>
    public const string KeyPem = "ak.pem";

    /// <summary>All of them, with what they hold.</summary>
    public static IEnumerable<(string Name, byte[] Content)> Of(Quote quote)
    {
        using var key = QuoteKey.Of(quote.Key, Key);
        return
        [
            (Message, quote.Message),
            (Signature, quote.Signature),
            (Pcrs, quote.Pcrs.ToFile()),
            (PcrText, Encoding.ASCII.GetBytes(quote.Pcrs.ToString())),
            (Key, quote.Key.Sized),
            (KeyPem, Encoding.ASCII.GetBytes(key.ToPem())),
        ];
    }

    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string directory, Quote quote)
    {
        foreach ((string name, byte[] content) in Of(quote))
        {
            File.WriteAllBytes(Path.Combine(directory, name), content);
        }
    }
}
