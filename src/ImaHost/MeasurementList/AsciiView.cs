using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// The ascii form of a list, rendered from the binary one as it is read. Offsets are stable: what was once readable
/// stays where it is. For one thread.
/// </summary>
sealed class AsciiView
{
    /// <summary>Within about this distance going on line by line is cheaper than a jump.</summary>
    const int NearBytes = 1 << 17;

    readonly MeasurementLog _log;
    readonly LogReader _reader;
    readonly ByteBuilder _line = new();
    long _lineStart;
    long _limit;

    public AsciiView(MeasurementLog log)
    {
        _log = log;
        _reader = new LogReader((buffer, offset) =>
            offset >= _limit ? 0 : log.ReadFile(buffer[..(int)Math.Min(buffer.Length, _limit - offset)], offset));
    }

    /// <summary>Fills the buffer from an offset on; fewer bytes only at the end.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        LogExtent extent = _log.Extent;
        _limit = extent.BinaryBytes;
        if (offset >= extent.AsciiBytes)
        {
            return 0;
        }

        if (offset < _lineStart || offset - _lineStart > NearBytes)
        {
            LogExtent point = _log.FindAscii(offset);
            _reader.Seek(point.BinaryBytes);
            _lineStart = point.AsciiBytes;
            _line.Clear();
        }

        int done = 0;
        while (done < buffer.Length && (offset + done < _lineStart + _line.Length || NextLine()))
        {
            done += CopyLine(buffer[done..], offset + done);
        }

        return done;
    }


    int CopyLine(Span<byte> into, long offset)
    {
        long skip = offset - _lineStart;
        if (skip >= _line.Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> rest = _line.Written[(int)skip..];
        rest = rest[..Math.Min(rest.Length, into.Length)];
        rest.CopyTo(into);
        return rest.Length;
    }

    bool NextLine()
    {
        if (!_reader.Next(out MeasurementRecord record))
        {
            return false;
        }

        _lineStart += _line.Length;
        _line.Clear();
        record.AppendAscii(_line);
        return true;
    }
}
