using System.Buffers.Binary;
using ImaHost.Interop;

namespace ImaHost.Appraisal;

/// <summary>Sorted runs of rows, put aside on the disk: an index is built of more rows than are ever in memory.</summary>
sealed class RowRuns(string path) : IDisposable
{
    const int ChunkRows = 1024;

    readonly List<(int Slot, long Start, int Length)> _runs = [];
    FileStream? _file;

    /// <summary>Bytes put aside.</summary>
    public long Bytes => _file?.Position ?? 0;

    /// <summary>The kinds of digests there are runs of.</summary>
    public IEnumerable<int> Slots => _runs.Select(run => run.Slot).Distinct();

    /// <summary>Puts all rows aside, which leaves the buffer empty.</summary>
    /// <exception cref="IOException">The disk has no room.</exception>
    public void Take(RowBuffer rows)
    {
        foreach (int slot in rows.Slots)
        {
            _file ??= Create(path);
            _runs.Add((slot, _file.Position, rows.RowsOf(slot).Length));
            WriteSorted(rows.RowsOf(slot), DigestKind.OfSlot(slot).RowBytes);
        }

        rows.Clear();
    }

    /// <summary>Reads the runs of one kind from their beginnings.</summary>
    public List<RowCursor> Open(int slot)
    {
        _file?.Flush();
        MappedFile? file = MappedFile.TryOpen(path);
        int size = DigestKind.OfSlot(slot).RowBytes;
        return [.. _runs.Where(run => run.Slot == slot).Select(run => new RowCursor(file!, (int)run.Start, run.Length, size, null))];
    }

    public void Dispose()
    {
        if (_file != null)
        {
            _file.Dispose();
            File.Delete(path);
        }
    }

    /// <summary>A new file for root alone; what another build left behind goes.</summary>
    public static FileStream Create(string path)
    {
        File.Delete(path);
        return new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 64 * 1024,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
    }

    void WriteSorted(ReadOnlySpan<byte> rows, int size)
    {
        int[] order = Sort(rows, size);
        byte[] chunk = new byte[ChunkRows * size];
        int used = 0;
        foreach (int row in order)
        {
            rows.Slice(row * size, size).CopyTo(chunk.AsSpan(used));
            used += size;
            if (used == chunk.Length)
            {
                _file!.Write(chunk);
                used = 0;
            }
        }

        _file!.Write(chunk.AsSpan(0, used));
    }

    /// <summary>By eight bytes first, which is fast and nearly always all; then those that have them in common.</summary>
    static int[] Sort(ReadOnlySpan<byte> rows, int size)
    {
        int count = rows.Length / size;
        ulong[] keys = new ulong[count];
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
        {
            keys[i] = BinaryPrimitives.ReadUInt64BigEndian(rows[(i * size)..]);
            order[i] = i;
        }

        Array.Sort(keys, order);
        for (int start = 0, end; start < count; start = end)
        {
            end = start + 1;
            while (end < count && keys[end] == keys[start])
            {
                end++;
            }

            if (end - start > 1)
            {
                SortWhole(rows, size, order.AsSpan(start, end - start));
            }
        }

        return order;
    }

    static void SortWhole(ReadOnlySpan<byte> rows, int size, Span<int> order)
    {
        byte[][] some = new byte[order.Length][];
        for (int i = 0; i < order.Length; i++)
        {
            some[i] = rows.Slice(order[i] * size, size).ToArray();
        }

        some.AsSpan().Sort(order, static (one, other) => one.AsSpan().SequenceCompareTo(other));
    }
}

/// <summary>Goes through sorted rows in a mapped file.</summary>
/// <param name="numbers">The new number of each source, or -1: its rows are left out; null: they keep theirs.</param>
sealed class RowCursor(MappedFile file, int start, int length, int size, int[]? numbers)
{
    readonly int _end = start + length;
    readonly byte[] _row = new byte[size];
    int _at = start;

    public ReadOnlySpan<byte> Row => _row;

    /// <returns>False: there is no further row.</returns>
    public bool MoveNext()
    {
        while (_at < _end)
        {
            file.Bytes.Slice(_at, _row.Length).CopyTo(_row);
            _at += _row.Length;
            int source = new ReferenceRow(_row).Source;
            int number = numbers == null ? source : source < numbers.Length ? numbers[source] : -1;
            if (number >= 0)
            {
                ReferenceRow.Renumber(_row, number);
                GC.KeepAlive(file);
                return true;
            }
        }

        return false;
    }
}
