using ImaHost.Interop;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>One segment of the log: it grows, or it is closed, or it is sealed, or its bytes are erased.</summary>
sealed class LogSegment : IDisposable
{
    /// <summary>Entries between two points that are kept of a closed segment: 24 bytes of memory for each that many.</summary>
    const int PointStep = 1024;

    readonly Lock _gate = new();
    readonly AppendFile? _file;
    EntryKeys? _keys;
    volatile bool _isErased;
    LogExtent[]? _points;

    /// <summary>A <see cref="LogExtent"/> in a box that never changes: readers take no lock, and it is three words long.</summary>
    object? _end;

    LogSegment(int number, LogExtent start, AppendFile? file, EntryKeys? keys = null)
    {
        Number = number;
        Start = start;
        _file = file;
        _keys = keys;
        _isErased = file == null;
    }

    public int Number { get; }

    /// <summary>Where it begins in the list.</summary>
    public LogExtent Start { get; }

    /// <summary>Where it ends, or null while it grows.</summary>
    public LogExtent? End
    {
        get => Volatile.Read(ref _end) is LogExtent end ? end : null;
        private set => Volatile.Write(ref _end, value);
    }

    /// <summary>Null: it is not sealed yet.</summary>
    public SealedSegment? Sealed { get; private set; }

    public bool IsErased => _isErased;

    /// <summary>Bytes in its file, which may end with an entry that a crash cut off.</summary>
    public long FileLength => _file?.Length ?? 0;

    /// <summary>Opens the segment that grows.</summary>
    /// <exception cref="ErrnoException">The disk refused it.</exception>
    public static LogSegment Open(string directory, int number, LogExtent start) =>
        new(number, start, new AppendFile(SegmentFiles.Data(directory, number)));

    /// <summary>Opens a sealed segment, which may be erased.</summary>
    public static LogSegment Open(string directory, SealedSegment known)
    {
        Manifest manifest = known.Manifest;
        string data = SegmentFiles.Data(directory, manifest.Segment);
        string keys = SegmentFiles.Keys(directory, manifest.Segment);
        bool isThere = File.Exists(data);
        return new LogSegment(
            manifest.Segment, manifest.Start, isThere ? AppendFile.OpenToRead(data) : null,
            !isThere && File.Exists(keys) ? new EntryKeys(keys) : null)
        {
            End = manifest.End,
            Sealed = known,
        };
    }

    /// <param name="points">Some of the places at which its entries begin.</param>
    public void Close(LogExtent end, LogExtent[] points)
    {
        End = end;
        Volatile.Write(ref _points, points);
    }

    public void MarkSealed(SealedSegment sealedNow) => Sealed = sealedNow;

    /// <summary>Its file is removed: from now on there are only the keys of its entries.</summary>
    /// <param name="keys">Null: nothing can be told of them.</param>
    public void Erase(EntryKeys? keys)
    {
        lock (_gate)
        {
            _keys = keys;
        }

        _isErased = true;
        _file?.BecomeEmpty();
    }

    /// <param name="offset">Of the list.</param>
    public void Write(ReadOnlySpan<byte> record, long offset) => _file!.WriteAt(record, offset - Start.BinaryBytes);

    /// <summary>Cuts off what follows an offset of the list.</summary>
    public void Truncate(long offset) => _file?.Truncate(offset - Start.BinaryBytes);

    /// <summary>Reads bytes, also those that are not published; fewer only at the end of the file.</summary>
    /// <param name="offset">Of the list.</param>
    public int Read(Span<byte> buffer, long offset)
    {
        long most = (End?.BinaryBytes ?? long.MaxValue) - offset;
        return _file?.ReadAt(buffer[..(int)Math.Min(most, buffer.Length)], offset - Start.BinaryBytes) ?? 0;
    }

    /// <summary>Is the entry at that offset the one of that key? Asked where the bytes are erased.</summary>
    public bool HasKey(long offset, in Crypto.Digest key)
    {
        lock (_gate)
        {
            return _keys?.Is(offset, in key) == true;
        }
    }

    /// <summary>Tells a table all entries of an erased segment that it lacks.</summary>
    public void RecallKeys(DigestTable table)
    {
        lock (_gate)
        {
            _keys?.ForEach((offset, key) =>
            {
                if (offset >= table.Covered)
                {
                    table.Add(in key, offset);
                }
            });
        }
    }

    public void Flush() => _file?.Flush();

    /// <summary>The last point at or before an offset of some form of the list. The first one to ask walks through it.</summary>
    /// <param name="sizeOf">Bytes of so many entries in that form.</param>
    public LogExtent FindPoint(long offset, Func<LogExtent, long> sizeOf)
    {
        LogExtent[] points = Volatile.Read(ref _points) ?? FindPoints();
        int low = 0;
        int high = points.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = sizeOf(points[middle]) <= offset ? (middle, high) : (low, middle - 1);
        }

        return points.Length == 0 ? Start : points[low];
    }

    public void Dispose()
    {
        _file?.Dispose();
        _keys?.Dispose();
    }

    LogExtent[] FindPoints()
    {
        var index = new LogIndex();
        var line = new ByteBuilder();
        var reader = new LogReader(Read);
        reader.Seek(Start.BinaryBytes, Start.Entries);
        long ascii = Start.AsciiBytes;
        while (!IsErased && reader.Next(out MeasurementRecord record))
        {
            index.Add(new LogExtent(reader.Number, reader.Offset, ascii));
            line.Clear();
            record.AppendAscii(line);
            ascii += line.Length;
        }

        LogExtent[] points = index.Every(PointStep);
        Volatile.Write(ref _points, points);
        return points;
    }

    /// <summary>What is kept of the dense index of a segment that grew.</summary>
    /// <param name="step">Entries between the points of that index.</param>
    public static LogExtent[] Thin(LogIndex index, int step) => index.Every(PointStep / step);
}
