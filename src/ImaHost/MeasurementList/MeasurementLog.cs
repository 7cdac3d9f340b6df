using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Segments;

namespace ImaHost.MeasurementList;

/// <summary>
/// The list's bytes on disk, in the kernel's binary form, in segments that follow each other as if they were one file,
/// and sparse indexes that find the ascii form in them. One writer at a time; any number of readers, who see whole
/// entries only. Offsets are those of the whole list, whatever was erased of it.
/// </summary>
sealed class MeasurementLog : IDisposable
{
    /// <summary>Entries between two points of the index of the segment that grows: 24 bytes of memory for each that many.</summary>
    const int IndexStep = 64;

    /// <summary>After so many entries it is tried again to begin a segment, when it was refused.</summary>
    const int RetryEntries = 1024;

    readonly SegmentLimits _limits;
    readonly Lock _gate = new();
    readonly OpenSegments _open = new();

    /// <summary>With room for more: readers take the count first, then the array, which has as many at least.</summary>
    LogSegment[] _segments = new LogSegment[16];
    int _count;
    int _sealedCount;
    int _erasedCount;
    LogSegment _growing;
    LogIndex _index = new();
    LogExtent _extent;
    long _retryAt;

    /// <summary>Opens a list up to the end of what is sealed; <see cref="OpenNext"/> and <see cref="Publish"/> take in the rest.</summary>
    /// <exception cref="IOException">The disk refused it.</exception>
    /// <exception cref="ListException">A manifest is damaged or missing, and what follows it is there.</exception>
    public MeasurementLog(string directory, SegmentLimits? limits = null)
    {
        Path = directory;
        _limits = limits ?? SegmentLimits.Default;
        using var digests = new DigestSet();
        var chain = new SealedChain(directory, digests);
        while (chain.TryNext())
        {
            if (_count > 0)
            {
                _segments[_count - 1].KeepNumbers();
            }

            Add(LogSegment.Open(directory, chain.Last!, _open));
        }

        if (chain.FindBreak() is { } why)
        {
            throw new ListException(why);
        }

        if (chain.Damaged is { } damaged)
        {
            // Its segment is sealed anew, from its bytes. What it was stays, for whoever wants to know why.
            File.Move(damaged, damaged + ".damaged", overwrite: true);
        }

        _extent = chain.Last?.Manifest.End ?? default;
        _growing = LogSegment.Open(directory, chain.Count, _extent, _open);
        Add(_growing);
    }

    /// <summary>The directory of the list.</summary>
    public string Path { get; }

    /// <summary>Bytes of the whole list in its files, which may end with an entry that a crash cut off.</summary>
    public long FileLength => Growing.Start.BinaryBytes + Growing.FileLength;

    /// <summary>Bytes of all files from the first segment on that is not sealed, and of those before it what they had.</summary>
    public long FileLengths
    {
        get
        {
            long length = FileLength;
            for (int number = Growing.Number + 1; File.Exists(SegmentFiles.Data(Path, number)); number++)
            {
                length += new FileInfo(SegmentFiles.Data(Path, number)).Length;
            }

            return length;
        }
    }

    /// <summary>All segments in order, the last of which grows.</summary>
    public IReadOnlyList<LogSegment> Segments
    {
        get
        {
            int count = Volatile.Read(ref _count);
            return new ArraySegment<LogSegment>(Volatile.Read(ref _segments), 0, count);
        }
    }

    /// <summary>Segments that are sealed: the first ones, for they are sealed in their order.</summary>
    public int SealedCount => Pass(ref _sealedCount, static one => one.Sealed != null);

    /// <summary>Segments that are erased: the first ones.</summary>
    public int ErasedCount => Pass(ref _erasedCount, static one => one.IsErased);

    /// <summary>Bytes of the list that are not erased.</summary>
    public long KeptBytes => Extent.BinaryBytes - Segments[ErasedCount].Start.BinaryBytes;

    /// <summary>When a segment was sealed last, UTC; null: none ever was.</summary>
    public DateTime? LastSeal => SealedCount is > 0 and int count ? Segments[count - 1].Sealed!.Manifest.Time : null;

    /// <summary>The first segment that is not sealed, which may be the one that grows.</summary>
    public LogSegment FirstUnsealed => Segments[SealedCount];

    public LogExtent Extent
    {
        get
        {
            lock (_gate)
            {
                return _extent;
            }
        }
    }

    /// <summary>An earlier host has begun the segment after the one that grows.</summary>
    public bool HasNext => File.Exists(SegmentFiles.Data(Path, Growing.Number + 1));

    LogSegment Growing => Volatile.Read(ref _growing);

    /// <summary>Writes one entry and publishes it.</summary>
    /// <param name="asciiLength">The length of its ascii line, bytes.</param>
    /// <exception cref="ErrnoException">The disk refused it; nothing is published.</exception>
    public void Append(ReadOnlySpan<byte> record, int asciiLength)
    {
        if (_limits.IsReached(_extent - Growing.Start) && _extent.Entries >= _retryAt)
        {
            _ = TryCut();
        }

        try
        {
            Growing.Write(record, _extent.BinaryBytes);
        }
        catch (ErrnoException)
        {
            // Half an entry must not be taken for damage by the next host.
            DropTail();
            throw;
        }

        Publish(record.Length, asciiLength);
    }

    /// <summary>Closes the segment that grows, if there is anything in it, and begins the next.</summary>
    /// <returns>False when there is nothing in it, or the disk refused the next one: it goes on to grow then.</returns>
    public bool TryCut()
    {
        if (_extent.Entries == Growing.Start.Entries)
        {
            return false;
        }

        try
        {
            DropTail();
            Grow();
            return true;
        }
        catch (ErrnoException)
        {
            _retryAt = _extent.Entries + RetryEntries;
            return false;
        }
    }

    /// <summary>Goes on to the next segment that an earlier host has begun, after all entries of this one were published.</summary>
    /// <returns>False when there is none.</returns>
    public bool OpenNext()
    {
        if (!HasNext)
        {
            return false;
        }

        Grow();
        return true;
    }

    /// <summary>Takes in an entry that stands in the file already.</summary>
    public void Publish(int binaryLength, int asciiLength)
    {
        lock (_gate)
        {
            if ((_extent.Entries - Growing.Start.Entries) % IndexStep == 0)
            {
                _index.Add(_extent);
            }

            _extent += new LogExtent(1, binaryLength, asciiLength);
        }
    }

    /// <summary>Cuts off what follows the last published entry.</summary>
    public void DropTail() => Growing.Truncate(_extent.BinaryBytes);

    /// <summary>Reads bytes of the files, published or not; none of an erased segment.</summary>
    public int ReadFile(Span<byte> buffer, long offset)
    {
        int done = 0;
        ReadOnlySpan<LogSegment> segments = Known;
        for (int i = IndexOf(segments, offset); done < buffer.Length && i < segments.Length; i++)
        {
            int got = segments[i].Read(buffer[done..], offset + done);
            done += got;
            if (segments[i].End is not { } end || offset + done < end.BinaryBytes)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Reads bytes of the published list.</summary>
    public int ReadBinary(Span<byte> buffer, long offset)
    {
        long left = Extent.BinaryBytes - offset;
        return left <= 0 ? 0 : ReadFile(buffer[..(int)Math.Min(left, buffer.Length)], offset);
    }

    /// <summary>The segment that an offset of the list falls into.</summary>
    public LogSegment SegmentAt(long offset)
    {
        ReadOnlySpan<LogSegment> segments = Known;
        return segments[IndexOf(segments, offset)];
    }

    /// <summary>A point of the index at or before an offset of some form of the list, and not far from it.</summary>
    /// <param name="sizeOf">Bytes of so many entries in that form.</param>
    public LogExtent FindPoint(long offset, Func<LogExtent, long> sizeOf)
    {
        LogSegment segment;
        lock (_gate)
        {
            if (sizeOf(Growing.Start) <= offset || _count == 1)
            {
                return _extent == Growing.Start ? Growing.Start : _index.FindLast(offset, sizeOf);
            }

            int low = 0;
            int high = _count - 1;
            while (low < high)
            {
                int middle = (low + high + 1) / 2;
                (low, high) = sizeOf(_segments[middle].Start) <= offset ? (middle, high) : (low, middle - 1);
            }

            segment = _segments[low];
        }

        return segment.FindPoint(offset, sizeOf);
    }

    /// <summary>Waits until the disk has it all.</summary>
    public void Flush()
    {
        foreach (LogSegment segment in Segments.Skip(SealedCount))
        {
            segment.Flush();
        }
    }

    public void Dispose()
    {
        foreach (LogSegment segment in Known)
        {
            segment.Dispose();
        }
    }

    ReadOnlySpan<LogSegment> Known
    {
        get
        {
            int count = Volatile.Read(ref _count);
            return Volatile.Read(ref _segments).AsSpan(0, count);
        }
    }

    static int IndexOf(ReadOnlySpan<LogSegment> segments, long offset)
    {
        int low = 0;
        int high = segments.Length - 1;
        if (segments[high].Start.BinaryBytes <= offset)
        {
            return high;
        }

        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = segments[middle].Start.BinaryBytes <= offset ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    void Grow()
    {
        LogSegment closed = _growing;
        LogSegment next = LogSegment.Open(Path, closed.Number + 1, _extent, _open);
        lock (_gate)
        {
            _growing = next;
            closed.Close(_extent, LogSegment.Thin(_index, IndexStep));
            _index = new LogIndex();
            Add(next);
        }
    }

    /// <summary>Doubles the array when it is full: what it costs for each segment does not depend on how many there are.</summary>
    void Add(LogSegment segment)
    {
        if (_count == _segments.Length)
        {
            LogSegment[] larger = new LogSegment[2 * _count];
            _segments.CopyTo(larger, 0);
            Volatile.Write(ref _segments, larger);
        }

        _segments[_count] = segment;
        Volatile.Write(ref _count, _count + 1);
    }

    /// <summary>How many of the first segments are so: goes on from where the last one who asked has come.</summary>
    int Pass(ref int passed, Func<LogSegment, bool> isSo)
    {
        ReadOnlySpan<LogSegment> segments = Known;
        int number = Volatile.Read(ref passed);
        while (number < segments.Length && isSo(segments[number]))
        {
            number++;
        }

        Volatile.Write(ref passed, number);
        return number;
    }
}
