using System.Buffers.Binary;
using System.Numerics;
using ImaHost.Interop;

namespace ImaHost.Appraisal;

/// <summary>
/// Writes an index file, in one pass, under another name: it has the name of the index once all of it is on the disk.
/// </summary>
sealed class IndexWriter : IDisposable
{
    /// <summary>About so many rows share an entry of the directory: one or two lines of the processor's cache each.</summary>
    const int RowsPerEntry = 4;

    const int MostBits = 18;

    readonly string _path;
    readonly string _fresh;
    readonly FileStream _file;
    readonly List<SectionPlace> _sections = [];

    /// <exception cref="IOException">It cannot be made.</exception>
    public IndexWriter(string path)
    {
        _path = path;
        _fresh = path + ".new";
        _file = RowRuns.Create(_fresh);
        _file.Write(new byte[ReferenceHeader.Bytes]);
    }

    /// <summary>Merges the rows of one kind, and writes how to find them.</summary>
    public void WriteSection(DigestKind kind, IReadOnlyList<RowCursor> from)
    {
        int[] starts = new int[1 << MostBits];
        int rows = (int)_file.Position;
        int count = 0;
        List<RowCursor> left = [.. from.Where(cursor => cursor.MoveNext())];
        while (left.Count > 0)
        {
            int least = Least(left);
            ReadOnlySpan<byte> row = left[least].Row;
            starts[BinaryPrimitives.ReadUInt32BigEndian(row) >> (32 - MostBits)]++;
            _file.Write(row);
            count++;
            if (!left[least].MoveNext())
            {
                left.RemoveAt(least);
            }
        }

        if (count > 0)
        {
            int bits = Math.Min(BitOperations.Log2((uint)Math.Max(count / RowsPerEntry, 1)), MostBits);
            _sections.Add(new SectionPlace(kind, bits, count, (int)_file.Position, rows));
            WriteDirectory(starts, bits, count);
        }
    }

    /// <summary>Writes the rest, and lets the file take the place of the old one.</summary>
    /// <exception cref="IOException">The disk has no room.</exception>
    public void Finish(ulong build, ReadOnlySpan<byte> salt, IReadOnlyList<ReferenceSource> sources)
    {
        byte[] table = SourceTable.Write(sources);
        int start = (int)_file.Position;
        _file.Write(table);
        var header = new ReferenceHeader(
            build, salt.ToArray(), (int)_file.Position, start, table.Length, sources.Count, _sections);
        _file.Position = 0;
        _file.Write(header.Write(table));
        _file.Flush(flushToDisk: true);
        _file.Dispose();
        DurableFile.Replace(_fresh, _path);
    }

    /// <summary>What was not finished goes.</summary>
    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_fresh);
    }

    static int Least(List<RowCursor> cursors)
    {
        int least = 0;
        for (int i = 1; i < cursors.Count; i++)
        {
            least = cursors[i].Row.SequenceCompareTo(cursors[least].Row) < 0 ? i : least;
        }

        return least;
    }

    void WriteDirectory(int[] counts, int bits, int count)
    {
        int each = 1 << (MostBits - bits);
        byte[] directory = new byte[((1 << bits) + 1) * sizeof(uint)];
        int before = 0;
        for (int entry = 0; entry < 1 << bits; entry++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(directory.AsSpan(entry * sizeof(uint)), before);
            foreach (int one in counts.AsSpan(entry * each, each))
            {
                before += one;
            }
        }

        BinaryPrimitives.WriteInt32LittleEndian(directory.AsSpan(directory.Length - sizeof(uint)), count);
        _file.Write(directory);
    }
}
