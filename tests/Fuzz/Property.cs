namespace ImaHost.Fuzz;

/// <summary>What must hold for every input does not hold for this one.</summary>
sealed class PropertyException(string message) : Exception(message);

static class Property
{
    /// <exception cref="PropertyException">It does not hold.</exception>
    public static void Holds(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new PropertyException(otherwise);
        }
    }

    public static void Same(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        if (!expected.SequenceEqual(actual))
        {
            int at = expected.CommonPrefixLength(actual);
            throw new PropertyException(
                $"{what}: {expected.Length} bytes and {actual.Length}, "
                + $"from offset {at} on {Quote(expected[at..])} and {Quote(actual[at..])}");
        }
    }

    static string Quote(ReadOnlySpan<byte> bytes) =>
        bytes.IsEmpty ? "the end" : Convert.ToHexStringLower(bytes[..Math.Min(bytes.Length, 24)]);
}
