namespace ImaHost.Segments;

/// <summary>When a segment is closed and the next one begins: after the entry with which either is reached.</summary>
sealed record SegmentLimits(long Entries, long Bytes)
{
    public static SegmentLimits Default { get; } = new(65_536, 64 << 20);

    public bool IsReached(LogExtent segment) => segment.Entries >= Entries || segment.BinaryBytes >= Bytes;
}
