using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// Seals the segments of the list that grow no more, while entries go on into the next: no access ever waits for it. For
/// one thread at a time, which is not one that stores entries.
/// </summary>
/// <param name="version">Of the host, for the manifests.</param>
/// <param name="quotes">Has a TPM sign each manifest; null: none does.</param>
sealed class ListSealer(RuntimeMeasurements list, ListSettings settings, string version, QuoteSource? quotes) : IDisposable
{
    readonly DigestSet _digests = new();
    readonly Lock _gate = new();
    volatile string? _fault;

    /// <summary>Why the last segment could not be sealed, or null.</summary>
    public string? Fault => _fault;

    /// <summary>Segments that are sealed.</summary>
    public int Count => list.Log.SealedCount;

    /// <summary>Seals what is closed.</summary>
    /// <returns>How many segments that were.</returns>
    public int SealClosed()
    {
        int done = 0;
        lock (_gate)
        {
            while (list.Log.FirstUnsealed is { End: not null } next && TrySeal(next))
            {
                done++;
            }
        }

        return done;
    }

    /// <summary>Seals everything that there is up to now.</summary>
    public void SealAll()
    {
        list.Cut();
        _ = SealClosed();
    }

    public void Dispose() => _digests.Dispose();

    bool TrySeal(LogSegment segment)
    {
        SealedSegment? before = segment.Number == 0 ? null : list.Log.Segments[segment.Number - 1].Sealed;
        bool isKernels = before == null || before.Manifest.KernelEntries == before.Manifest.Entries;
        bool isExtended = settings.Banks.Count > 0 && list.Extended >= segment.End!.Value.Entries;
        var facts = new SealFacts(list.BootId, isKernels ? list.Padded : [], isExtended, version);
        var sealer = new SegmentSealer(
            list.Log.Path, settings.Banks.Count > 0 ? settings.Banks : PcrTables.WithoutTpm, quotes, _digests);
        try
        {
            segment.MarkSealed(sealer.Seal(segment.Number, before?.Manifest, before?.ManifestDigest, facts));
            if (before != null)
            {
                list.Log.Segments[segment.Number - 1].KeepNumbers();
            }

            _fault = null;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RecordException)
        {
            _fault = $"segment {segment.Number} of {list.Log.Path} cannot be sealed: {e.Message}";
            return false;
        }
    }
}
