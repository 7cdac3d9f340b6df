using System.Buffers.Binary;

namespace ImaHost.Appraisal;

/// <summary>
/// Looks up rows of one kind of digest in the bytes of an index. Whatever the bytes are, it stays within them: a
/// damaged index has digests that nobody listed, or not those that somebody did, and does not end the host.
/// </summary>
sealed class ReferenceSection(in SectionPlace place)
{
    /// <summary>
    /// So few rows are looked at one after the other: the processor fetches the next ones while it compares, where
    /// each step of a binary search waits for memory.
    /// </summary>
    const int MostInTurn = 16;

    readonly SectionPlace _place = place;
    readonly int _rowBytes = place.Kind.RowBytes;
    readonly int _digestBytes = place.Kind.Algorithm.Size;

    public DigestKind Kind => _place.Kind;

    public int Count => _place.Count;

    public ReferenceRow Row(ReadOnlySpan<byte> file, int row) => new(file.Slice(_place.Rows + (row * _rowBytes), _rowBytes));

    public ReadOnlySpan<byte> DigestOf(ReadOnlySpan<byte> file, int row) =>
        file.Slice(_place.Rows + (row * _rowBytes), _digestBytes);

    /// <summary>The first row with that digest or a higher one; the number of rows when there is none.</summary>
    public int Find(ReadOnlySpan<byte> file, ReadOnlySpan<byte> digest)
    {
        int bucket = (int)((ulong)BinaryPrimitives.ReadUInt32BigEndian(digest) >> (32 - _place.Bits));
        int low = Entry(file, bucket);
        int high = Entry(file, bucket + 1);
        while (high - low > MostInTurn)
        {
            int middle = low + ((high - low) / 2);
            if (DigestOf(file, middle).SequenceCompareTo(digest) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        while (low < high && DigestOf(file, low).SequenceCompareTo(digest) < 0)
        {
            low++;
        }

        return low;
    }

    int Entry(ReadOnlySpan<byte> file, int bucket) => (int)Math.Min(
        BinaryPrimitives.ReadUInt32LittleEndian(file[(_place.Directory + (bucket * sizeof(uint)))..]), (uint)_place.Count);
}
