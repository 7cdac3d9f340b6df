namespace ImaHost.MeasurementList;

/// <summary>
/// The segments that grow no more and have a descriptor: the latest so many that somebody read in. A list of any length
/// takes no more of them.
/// </summary>
sealed class OpenSegments
{
    /// <summary>In segments of the usual length these are four million entries.</summary>
    public const int Most = 64;

    readonly Lock _gate = new();
    readonly Queue<LogSegment> _latest = new(Most + 1);

    /// <summary>It has just got one; the one that has had its own for longest gives it up, unless it is being read.</summary>
    public void Add(LogSegment segment)
    {
        lock (_gate)
        {
            _latest.Enqueue(segment);
            for (int tries = _latest.Count; _latest.Count > Most && tries > 0; tries--)
            {
                LogSegment oldest = _latest.Dequeue();
                if (!oldest.TryRest())
                {
                    _latest.Enqueue(oldest);
                }
            }
        }
    }
}
