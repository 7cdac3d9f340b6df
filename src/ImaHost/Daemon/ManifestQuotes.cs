using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tpm;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>Has the TPM sign the manifests of segments. That it cannot is no reason not to seal.</summary>
sealed partial class ManifestQuotes(RuntimeMeasurements list, ILogger log)
{
    string? _said;

    /// <returns>Null: it was not signed, and the log says why.</returns>
    public ManifestQuote? Sign(byte[] qualifyingData)
    {
        try
        {
            Quote quote = list.Quote(qualifyingData).Quote;
            _said = null;
            return new ManifestQuote(
                Convert.ToBase64String(quote.Message), Convert.ToBase64String(quote.Signature),
                Convert.ToBase64String(quote.Key.Sized));
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            if (_said != e.Message)
            {
                NotSigned(log, e.Message);
            }

            _said = e.Message;
            return null;
        }
    }

    [LoggerMessage(
        EventId = 62, Level = LogLevel.Warning, Message = "segments are sealed without a signature of the TPM: {Cause}")]
    static partial void NotSigned(ILogger log, string cause);
}
