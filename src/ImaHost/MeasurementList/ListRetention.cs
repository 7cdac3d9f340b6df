using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>Erases segments of the list that is written; the view of it begins after them from then on.</summary>
sealed class ListRetention(RuntimeMeasurements list, ListWindow window) : IDisposable
{
    readonly DigestSet _digests = new();
    readonly Lock _gate = new();
    volatile string? _fault;

    /// <summary>Why the last segment that should go could not be erased, or null.</summary>
    public string? Fault => _fault;

    /// <summary>
    /// Erases what need not be kept, and nothing that the TPM has not had. The first segment that cannot be erased ends it
    /// with a <see cref="Fault"/>: those after it stay too, until another time.
    /// </summary>
    /// <param name="missing">The first segment that somebody has not had who gets them; null: nobody does.</param>
    public IReadOnlyList<ErasedSegment> Apply(Retention retention, int? missing)
    {
        var erased = new List<ErasedSegment>();
        lock (_gate)
        {
            MeasurementLog log = list.Log;
            SealedSegment[] known = retention.Kind == RetentionKind.All ? []
                : [.. log.Segments.Skip(log.ErasedCount).Select(one => one.Sealed).OfType<SealedSegment>()];
            IEnumerable<SealedSegment> found = retention.Find(known, missing, list.Settled, DateTime.UtcNow);
            _fault = null;
            foreach (SealedSegment segment in found.Where(one => !log.Segments[one.Manifest.Segment].IsErased))
            {
                if (TryErase(log, segment) is not { } gone)
                {
                    break;
                }

                erased.Add(gone);
            }
        }

        return erased;
    }

    public void Dispose() => _digests.Dispose();

    ErasedSegment? TryErase(MeasurementLog log, SealedSegment segment)
    {
        int number = segment.Manifest.Segment;
        try
        {
            if (!window.TryDelete(segment.Manifest.End))
            {
                throw new IOException("the disk does not take note that it is not published any more");
            }

            ErasedSegment erased = SegmentEraser.Erase(log.Path, log.Segments[number].ReadSealed(), keepsKeys: true, _digests);
            log.Segments[number].Erase();
            return erased;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RecordException)
        {
            _fault = $"segment {number} of {log.Path} cannot be erased: {e.Message}";
            return null;
        }
    }
}
