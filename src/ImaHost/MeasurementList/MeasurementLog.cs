using ImaHost.Interop;

namespace ImaHost.MeasurementList;

/// <summary>How far the list reaches at one moment.</summary>
readonly record struct LogExtent(long Entries, long BinaryBytes, long AsciiBytes);

/// <summary>
/// The list's bytes on disk, in the kernel's binary form, and a sparse index that finds the ascii form in them. One
/// writer at a time; any number of readers, who see whole entries only.
/// </summary>
sealed class MeasurementLog : IDisposable
{
    /// <summary>Entries between two points of the index: 24 bytes of memory for each that many.</summary>
    const int IndexStep = 64;

    readonly AppendFile _file;
    readonly LogIndex _index = new();
    readonly Lock _gate = new();
    LogExtent _extent;

    public MeasurementLog(string path)
    {
        Path = path;
        _file = new AppendFile(path);
    }

    public string Path { get; }

    /// <summary>Bytes in the file, which may end with an entry that a crash cut off.</summary>
    public long FileLength => _file.Length;

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

    /// <summary>Writes one entry and publishes it.</summary>
    /// <param name="asciiLength">The length of its ascii line, bytes.</param>
    /// <exception cref="ErrnoException">The disk refused it; nothing is published.</exception>
    public void Append(ReadOnlySpan<byte> record, int asciiLength)
    {
        try
        {
            _file.WriteAt(record, _extent.BinaryBytes);
        }
        catch (ErrnoException)
        {
            // Half an entry must not be taken for damage by the next host.
            DropTail();
            throw;
        }

        Publish(record.Length, asciiLength);
    }

    /// <summary>Takes in an entry that stands in the file already.</summary>
    public void Publish(int binaryLength, int asciiLength)
    {
        lock (_gate)
        {
            if (_extent.Entries % IndexStep == 0)
            {
                _index.Add(_extent);
            }

            _extent = new LogExtent(
                _extent.Entries + 1, _extent.BinaryBytes + binaryLength, _extent.AsciiBytes + asciiLength);
        }
    }

    /// <summary>Cuts off what follows the last published entry.</summary>
    public void DropTail() => _file.Truncate(_extent.BinaryBytes);

    /// <summary>Reads bytes of the file, published or not.</summary>
    public int ReadFile(Span<byte> buffer, long offset) => _file.ReadAt(buffer, offset);

    /// <summary>Reads bytes of the published list.</summary>
    public int ReadBinary(Span<byte> buffer, long offset)
    {
        long left = Extent.BinaryBytes - offset;
        return left <= 0 ? 0 : _file.ReadAt(buffer[..(int)Math.Min(left, buffer.Length)], offset);
    }

    /// <summary>The last point of the index at or before an offset of some form of the list.</summary>
    /// <param name="sizeOf">Bytes of so many entries in that form.</param>
    public LogExtent FindPoint(long offset, Func<LogExtent, long> sizeOf)
    {
        lock (_gate)
        {
            return _index.FindLast(offset, sizeOf);
        }
    }

    /// <summary>Waits until the disk has it all.</summary>
    public void Flush() => _file.Flush();

    public void Dispose() => _file.Dispose();
}
