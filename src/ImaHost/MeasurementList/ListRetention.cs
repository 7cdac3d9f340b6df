using ImaHost.Crypto;
using ImaHost.Segments;

namespace ImaHost.MeasurementList;

/// <summary>Erases segments of the list that is written; the view of it begins after them from then on.</summary>
sealed class ListRetention(MeasurementLog log, ListWindow window) : IDisposable
{
    readonly DigestSet _digests = new();
    readonly Lock _gate = new();

    /// <summary>Erases what need not be kept. Segments that somebody may be reading from /run/ima go when nobody does.</summary>
    /// <param name="exported">The first segment that is not exported.</param>
    /// <exception cref="IOException">The disk refused it.</exception>
    public IReadOnlyList<ErasedSegment> Apply(Retention retention, int exported)
    {
        var erased = new List<ErasedSegment>();
        lock (_gate)
        {
            SealedSegment[] known = [.. log.Segments.Select(one => one.Sealed).OfType<SealedSegment>()];
            foreach (SealedSegment segment in retention.Find(known, exported, DateTime.UtcNow))
            {
                LogSegment bytes = log.Segments[segment.Manifest.Segment];
                if (!bytes.IsErased && window.TryDelete(segment.Manifest.End))
                {
                    erased.Add(SegmentEraser.Erase(log.Path, segment, keepsKeys: true, _digests));
                    bytes.Erase(new EntryKeys(SegmentFiles.Keys(log.Path, segment.Manifest.Segment)));
                }
            }
        }

        return erased;
    }

    public void Dispose() => _digests.Dispose();
}
