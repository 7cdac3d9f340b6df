using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.MeasurementList;

/// <summary>
/// Has the TPM quote the PCRs of the list over a manifest while entries go on: the list's lock is not held meanwhile. After
/// which entry the TPM has signed is found afterwards, among those that came in between. For one thread at a time.
/// </summary>
sealed class ManifestQuoter(RuntimeMeasurements list) : IDisposable
{
    readonly DigestSet _digests = new();

    /// <param name="qualifyingData">As <see cref="Manifest.QualifyingData"/> gives it.</param>
    /// <exception cref="IOException">There is no TPM, it refuses or failed, or does not follow the list.</exception>
    /// <exception cref="TimeoutException">It did not answer in time.</exception>
    public ManifestQuote Take(byte[] qualifyingData)
    {
        PcrQuoter quoter = list.WithTpm(tpm => tpm.Quoter);
        quoter.PrepareKey();
        (LogExtent from, PcrBanks pcrs) = Look();
        byte[] message = quoter.Sign(qualifyingData, pcrs.Used, out byte[] signature);
        var attest = Attest.Parse(message, "the TPM's quote");

        // Whatever was extended before the quote is in the list by now, and the lock makes its extend complete.
        LogExtent to = Look().Extent;
        (long entries, QuotedPcrs values) = Find(attest, from, to, pcrs, quoter.Key.Hash)
            ?? throw new TpmException(
                $"the TPM quotes PCRs that {list.Log.Path} gives after none of the entries {from.Entries} to {to.Entries}: something else extends them");
        return new Quote(message, signature, quoter.Key, values).Fault(qualifyingData) is { } fault
            ? throw new TpmException($"the TPM's quote is none: {fault}")
            : ManifestQuote.Of(message, signature, quoter.Key, entries, values);
    }

    public void Dispose() => _digests.Dispose();

    /// <summary>How far the list reaches now, and what its PCRs hold: the TPM follows it.</summary>
    (LogExtent Extent, PcrBanks Pcrs) Look() => list.WithTpm(tpm =>
    {
        PcrBanks held = tpm.Held(_digests);
        return (list.Log.Extent, held);
    });

    /// <summary>After how many entries did the PCRs hold what was quoted?</summary>
    /// <param name="pcrs">After the first of them; afterwards after the one that was found.</param>
    (long Entries, QuotedPcrs Values)? Find(Attest attest, LogExtent from, LogExtent to, PcrBanks pcrs, HashAlgorithm hash)
    {
        var replay = new SegmentReplay(pcrs, byKernel: false, [], _digests);
        var reader = new LogReader(list.Log.ReadBinary);
        reader.Seek(from.BinaryBytes, from.Entries);
        for (long entries = from.Entries; ; entries++)
        {
            var values = QuotedPcrs.Take(attest.Pcrs, PcrTables.SourceOf(pcrs));
            if (values.Hash(hash).AsSpan().SequenceEqual(attest.PcrDigest))
            {
                return (entries, values);
            }

            if (entries == to.Entries || replay.Take(reader, 1) == 0)
            {
                return null;
            }
        }
    }
}
