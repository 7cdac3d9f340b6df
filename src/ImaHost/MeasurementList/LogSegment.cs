using ImaHost.Interop;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// One segment of the log: it grows, or it is closed, or it is sealed, or its bytes are erased. One that grows no more has
/// its file open only while it is among those that were read last, and is little more than numbers else.
/// </summary>
sealed class LogSegment : IDisposable
{
    /// <summary>Entries between two points that are kept of a closed segment: 24 bytes of memory for each that many.</summary>
    const int PointStep = 1024;

    readonly Lock _gate = new();
    readonly string _directory;
    readonly OpenSegments _open;
    AppendFile? _file;
    EntryKeys? _keys;
    int _readers;
    volatile bool _isErased;
    LogExtent[]? _points;

    /// <summary>A <see cref="LogExtent"/> in a box that never changes: readers take no lock, and it is three words long.</summary>
    object? _end;
    SealedSegment? _sealed;

    LogSegment(string directory, int number, LogExtent start, OpenSegments open)
    {
        _directory = directory;
        _open = open;
        Number = number;
        Start = start;
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

    /// <summary>
    /// Null: it is not sealed yet. Of the last sealed segment all of it, of those before it <see cref="Manifest.Numbers"/>:
    /// <see cref="ReadSealed"/> reads the rest.
    /// </summary>
    public SealedSegment? Sealed => Volatile.Read(ref _sealed);

    public bool IsErased => _isErased;

    /// <summary>Bytes in the file of the segment that grows, which may end with an entry that a crash cut off.</summary>
    public long FileLength => _file?.Length ?? 0;

    /// <summary>Opens the segment that grows.</summary>
    /// <exception cref="ErrnoException">The disk refused it.</exception>
    public static LogSegment Open(string directory, int number, LogExtent start, OpenSegments open) =>
        new(directory, number, start, open) { _file = new AppendFile(SegmentFiles.Data(directory, number)) };

    /// <summary>A sealed segment, which may be erased.</summary>
    public static LogSegment Open(string directory, SealedSegment known, OpenSegments open)
    {
        Manifest manifest = known.Manifest;
        return new LogSegment(directory, manifest.Segment, manifest.Start, open)
        {
            _isErased = !File.Exists(SegmentFiles.Data(directory, manifest.Segment)),
            _sealed = known,
            End = manifest.End,
        };
    }

    /// <param name="points">Some of the places at which its entries begin.</param>
    public void Close(LogExtent end, LogExtent[] points)
    {
        Volatile.Write(ref _points, points);
        End = end;
        _open.Add(this);
    }

    public void MarkSealed(SealedSegment sealedNow) => Volatile.Write(ref _sealed, sealedNow);

    /// <summary>Another one was sealed behind it: only numbers are asked for from now on.</summary>
    public void KeepNumbers()
    {
        if (Sealed is { } known)
        {
            MarkSealed(known with { Manifest = known.Manifest.Numbers() });
        }
    }

    /// <summary>Its manifest, of a sealed segment.</summary>
    /// <exception cref="IOException">It cannot be read any more, or is none.</exception>
    public SealedSegment ReadSealed()
    {
        string path = SegmentFiles.Manifest(_directory, Number);
        try
        {
            return new SealedSegment(Manifest.Read(File.ReadAllBytes(path)), Sealed!.ManifestDigest);
        }
        catch (ManifestException e)
        {
            throw new IOException($"{path}: {e.Message}");
        }
    }

    /// <summary>Its file is removed: from now on there are only the keys of its entries.</summary>
    public void Erase()
    {
        lock (_gate)
        {
            _isErased = true;
            CloseUnread();
        }
    }

    /// <param name="offset">Of the list.</param>
    public void Write(ReadOnlySpan<byte> record, long offset) => _file!.WriteAt(record, offset - Start.BinaryBytes);

    /// <summary>Cuts off what follows an offset of the list, while it grows.</summary>
    public void Truncate(long offset) => _file!.Truncate(offset - Start.BinaryBytes);

    /// <summary>Reads bytes, also those that are not published; fewer only at the end of the file, or where none is any more.</summary>
    /// <param name="offset">Of the list.</param>
    public int Read(Span<byte> buffer, long offset)
    {
        long most = (End?.BinaryBytes ?? long.MaxValue) - offset;
        if (Take() is not { } file)
        {
            return 0;
        }

        try
        {
            return file.ReadAt(buffer[..(int)Math.Min(most, buffer.Length)], offset - Start.BinaryBytes);
        }
        finally
        {
            GiveBack();
        }
    }

    /// <summary>Is the entry at that offset the one of that key? Asked where the bytes are erased.</summary>
    public bool HasKey(long offset, in Crypto.Digest key)
    {
        bool isNew = false;
        bool isIt;
        lock (_gate)
        {
            if (_isErased && _keys == null)
            {
                _keys = TryOpen(SegmentFiles.Keys(_directory, Number), static path => new EntryKeys(path));
                isNew = _keys != null;
            }

            isIt = _keys?.Is(offset, in key) == true;
        }

        if (isNew)
        {
            _open.Add(this);
        }

        return isIt;
    }

    /// <summary>Tells a table all entries of an erased segment that it lacks.</summary>
    public void RecallKeys(DigestTable table)
    {
        using EntryKeys? keys = TryOpen(SegmentFiles.Keys(_directory, Number), static path => new EntryKeys(path));
        keys?.ForEach((offset, key) =>
        {
            if (offset >= table.Covered)
            {
                table.Add(in key, offset);
            }
        });
    }

    public void Flush()
    {
        if (Take() is not { } file)
        {
            return;
        }

        try
        {
            file.Flush();
        }
        finally
        {
            GiveBack();
        }
    }

    /// <summary>Gives up its descriptor and its points.</summary>
    /// <returns>False when somebody reads in it at this moment.</returns>
    public bool TryRest()
    {
        lock (_gate)
        {
            return CloseUnread();
        }
    }

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

    /// <summary>What is kept of the dense index of a segment that grew.</summary>
    /// <param name="step">Entries between the points of that index.</param>
    public static LogExtent[] Thin(LogIndex index, int step) => index.Every(PointStep / step);

    /// <summary>What somebody has taken away from under us is not there, and no reason to end.</summary>
    static T? TryOpen<T>(string path, Func<string, T> open)
        where T : class
    {
        try
        {
            return open(path);
        }
        catch (ErrnoException)
        {
            return null;
        }
    }

    /// <summary>The file, which stays open until it is given back; null: there is none any more.</summary>
    AppendFile? Take()
    {
        bool isNew = false;
        AppendFile? file;
        lock (_gate)
        {
            if (_file == null && !_isErased)
            {
                _file = TryOpen(SegmentFiles.Data(_directory, Number), AppendFile.OpenToRead);
                isNew = _file != null;
            }

            file = _isErased ? null : _file;
            _readers += file != null ? 1 : 0;
        }

        if (isNew)
        {
            _open.Add(this);
        }

        return file;
    }

    void GiveBack()
    {
        lock (_gate)
        {
            _readers--;
            if (_isErased)
            {
                _ = CloseUnread();
            }
        }
    }

    /// <summary>Nobody keeps the room of a file that was removed, nor a descriptor that nobody reads by.</summary>
    bool CloseUnread()
    {
        if (_readers > 0)
        {
            return false;
        }

        Dispose();
        (_file, _keys) = (null, null);
        Volatile.Write(ref _points, null);
        return true;
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
}
