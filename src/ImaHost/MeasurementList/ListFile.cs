using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// A file that holds a list, binary or ascii: what it is shows in its first bytes. A directory of segments is a list too.
/// </summary>
sealed class ListFile : IDisposable
{
    const int HeadSize = 512;

    readonly FileStream? _file;
    readonly SegmentBytes? _segments;
    readonly (long Offset, long Number) _start;
    readonly int _digestSize = HashAlgorithm.Sha1.Size;

    /// <param name="start">Where readers of a binary list begin, bytes, and the number of the record there.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="NotSupportedException">It is no regular file.</exception>
    public ListFile(string path, (long Offset, long Number) start = default)
    {
        Path = path;
        _start = start;
        Span<byte> head = stackalloc byte[HeadSize];
        if (SegmentFiles.IsList(path))
        {
            _segments = new SegmentBytes(path);
            return;
        }

        // Looked at first: to open a FIFO is to wait for somebody who writes.
        if (FileStat.TryOfPath(path, out FileStat stat) && !stat.IsRegular)
        {
            throw new NotSupportedException($"{path}: a list must be a file that can be read at any offset; save it first");
        }

        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        head = head[..RandomAccess.Read(_file.SafeFileHandle, head, 0)];
        IsAscii = AsciiReader.IsHeader(head);
        foreach (HashAlgorithm algorithm in HashAlgorithm.Banks)
        {
            if (!IsAscii && IsRecord(head, algorithm.Size))
            {
                _digestSize = algorithm.Size;
                break;
            }
        }
    }

    public string Path { get; }

    public bool IsAscii { get; }

    /// <summary>A reader that stands before the first record.</summary>
    public RecordReader Open()
    {
        if (IsAscii)
        {
            return new AsciiReader(Read);
        }

        var reader = new LogReader(Read, _digestSize);
        reader.Seek(_start.Offset, _start.Number);
        return reader;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _segments?.Dispose();
    }

    int Read(Span<byte> buffer, long offset) =>
        _segments?.Read(buffer, offset) ?? RandomAccess.Read(_file!.SafeFileHandle, buffer, offset);

    /// <summary>Would this be a record of a known template, if its digest had that size?</summary>
    static bool IsRecord(ReadOnlySpan<byte> head, int digestSize)
    {
        int nameAt = 4 + digestSize + 4;
        if (head.Length < nameAt)
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(head[(nameAt - 4)..]);
        return length <= head.Length - nameAt && TemplateDescriptor.Find(head.Slice(nameAt, (int)length)) != null;
    }
}
