using ImaHost.MeasurementList;
using ImaHost.Segments;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>Has the TPM sign the manifests of segments. That it cannot is no reason not to seal. For one thread at a time.</summary>
sealed partial class ManifestQuotes(RuntimeMeasurements list, ILogger log) : IDisposable
{
    readonly ManifestQuoter _quoter = new(list);
    string? _said;

    /// <returns>Null: it was not signed, and the log says why.</returns>
    public ManifestQuote? Sign(byte[] qualifyingData)
    {
        try
        {
            ManifestQuote quote = _quoter.Take(qualifyingData);
            _said = null;
            return quote;
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

    public void Dispose() => _quoter.Dispose();

    [LoggerMessage(
        EventId = 62, Level = LogLevel.Warning, Message = "segments are sealed without a signature of the TPM: {Cause}")]
    static partial void NotSigned(ILogger log, string cause);
}
