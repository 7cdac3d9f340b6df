using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Segments;

/// <summary>The bytes of a segment, read once from front to end: by a replay, and by the digest at the same time.</summary>
sealed class SegmentData : IDisposable
{
    readonly AppendFile _file;
    readonly EvpDigest _digest = new(HashAlgorithm.Sha256.Name);
    readonly LogExtent _start;
    long _taken;

    /// <param name="start">Where it begins in the list.</param>
    /// <exception cref="ErrnoException">It cannot be opened.</exception>
    public SegmentData(string path, LogExtent start)
    {
        _file = AppendFile.OpenToRead(path);
        _start = start;
        Length = _file.Length;
    }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>A reader of its records, whose numbers and offsets are those of the list.</summary>
    public LogReader Open()
    {
        var reader = new LogReader(Read);
        reader.Seek(_start.BinaryBytes, _start.Entries);
        return reader;
    }

    /// <summary>The digest of all bytes, also of those that nobody has read.</summary>
    public Digest Finish()
    {
        byte[] buffer = new byte[1 << 16];
        while (Read(buffer, _start.BinaryBytes + _taken) > 0)
        {
        }

        Span<byte> bytes = stackalloc byte[HashAlgorithm.Sha256.Size];
        _digest.Finish(bytes);
        return new Digest(HashAlgorithm.Sha256, bytes);
    }

    /// <summary>Waits until the disk has it.</summary>
    public void Flush() => _file.Flush();

    public void Dispose()
    {
        _file.Dispose();
        _digest.Dispose();
    }

    int Read(Span<byte> buffer, long offset)
    {
        int got = _file.ReadAt(buffer, offset - _start.BinaryBytes);
        _digest.Update(buffer[..got]);
        _taken += got;
        return got;
    }
}
