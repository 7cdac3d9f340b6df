using ImaHost.Template;

namespace ImaHost.Fuzz;

/// <summary>Sources of a list that lies in memory.</summary>
static class Pieces
{
    static readonly int[] OddSizes = [1, 67, 3, 251, 13];

    /// <summary>Gives as much as is asked for.</summary>
    public static ByteSource Whole(byte[] list) => (buffer, offset) => Copy(list, buffer, offset);

    /// <summary>Gives less than is asked for, so that reads end everywhere within records.</summary>
    public static ByteSource Odd(byte[] list)
    {
        int reads = 0;
        return (buffer, offset) =>
        {
            int size = OddSizes[reads++ % OddSizes.Length];
            return Copy(list, buffer[..Math.Min(size, buffer.Length)], offset);
        };
    }

    static int Copy(byte[] list, Span<byte> buffer, long offset)
    {
        Property.Holds(offset >= 0 && offset <= list.Length, $"a read at {offset} in a list of {list.Length} bytes");
        int count = Math.Min(buffer.Length, list.Length - (int)offset);
        list.AsSpan((int)offset, count).CopyTo(buffer);
        return count;
    }
}
