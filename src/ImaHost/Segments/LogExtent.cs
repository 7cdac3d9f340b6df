namespace ImaHost.Segments;

/// <summary>How far the list reaches at one moment.</summary>
readonly record struct LogExtent(long Entries, long BinaryBytes, long AsciiBytes)
{
    public static LogExtent operator +(LogExtent one, LogExtent other) => new(
        one.Entries + other.Entries, one.BinaryBytes + other.BinaryBytes, one.AsciiBytes + other.AsciiBytes);

    public static LogExtent operator -(LogExtent one, LogExtent other) => new(
        one.Entries - other.Entries, one.BinaryBytes - other.BinaryBytes, one.AsciiBytes - other.AsciiBytes);
}
