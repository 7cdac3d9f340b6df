using ImaHost.Segments;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>Quotes the PCRs of a list at a moment at which they hold what the whole list gives. For any thread.</summary>
sealed class ListQuotes(RuntimeMeasurements list)
{
    const int QuoteTries = 3;

    /// <summary>
    /// An entry waits for one TPM2_Quote at most, or for one TPM2_PCR_Read, if <see cref="PrepareKey"/> was done before.
    /// </summary>
    /// <param name="nonce">What whoever asks wants to find in it, up to <see cref="Quote.MostNonce"/> bytes.</param>
    /// <exception cref="IOException">There is no TPM, it refuses or failed, or does not follow the list.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public ListQuote Take(byte[] nonce)
    {
        for (int tries = 0; tries < QuoteTries; tries++)
        {
            _ = PrepareKey();
            ReadBootPcrs();
            ListQuote? found = TryTake(nonce);
            if (found != null)
            {
                return found.Quote.Fault(nonce) is { } fault ? throw new TpmException($"the TPM's quote is none: {fault}") : found;
            }
        }

        throw new TpmException("no quote was got: PCRs that the list does not extend change all the time");
    }

    /// <summary>
    /// Makes the key: what takes longest of a quote. To be done before anybody waits for an entry, for the TPM does one thing
    /// at a time.
    /// </summary>
    /// <returns>The key, for the hosts that follow; null: it need not be made.</returns>
    /// <exception cref="IOException">There is no TPM, or it refuses or failed.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public MadeKey? PrepareKey() => list.WithTpm(tpm =>
    {
        tpm.Quoter.PrepareKey();
        return tpm.Quoter.Made;
    });

    /// <summary>What the boot has left in PCRs that are not the list's, one by one, so that entries come in between.</summary>
    void ReadBootPcrs()
    {
        for (int pcr = 0; pcr < PcrQuoter.BootPcrs; pcr++)
        {
            _ = list.WithTpm(tpm => tpm.Quoter.ReadBootPcr(pcr));
        }
    }

    ListQuote? TryTake(byte[] nonce) => list.WithTpm(tpm =>
    {
        Quote? quote = tpm.TryQuote(nonce);
        LogExtent extent = list.Log.Extent;
        return quote == null ? null : new ListQuote(quote, extent.Entries, extent.BinaryBytes, list.Log.Path);
    });
}
