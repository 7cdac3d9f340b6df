using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>A source of bytes by offset; 0 at the end.</summary>
delegate int ByteSource(Span<byte> buffer, long offset);

/// <summary>Walks through the records of a binary list, whatever its length, in one buffer.</summary>
sealed class LogReader : RecordReader
{
    readonly ByteSource _source;
    readonly int _digestSize;
    byte[] _buffer = new byte[1 << 16];
    int _start;
    int _end;
    int _taken;

    /// <param name="digestSize">Bytes of a template digest.</param>
    public LogReader(ByteSource source, int digestSize = 20)
    {
        _source = source;
        _digestSize = digestSize;
    }

    /// <summary>Goes to an offset at which a record begins.</summary>
    /// <param name="number">Its number.</param>
    public void Seek(long offset, long number)
    {
        Offset = offset;
        Number = number;
        _start = _end = _taken = 0;
    }

    public override int Rest => _end - _start;

    public override bool Next(out MeasurementRecord record)
    {
        _start += _taken;
        Offset += _taken;
        Number += _taken > 0 ? 1 : 0;
        _taken = 0;
        for (;;)
        {
            if (TryRead(out record))
            {
                return true;
            }

            if (!Fill())
            {
                return false;
            }
        }
    }

    bool TryRead(out MeasurementRecord record)
    {
        try
        {
            return MeasurementRecord.TryRead(_buffer.AsSpan(_start, _end - _start), out record, out _taken, _digestSize);
        }
        catch (RecordException e)
        {
            throw Locate(e);
        }
    }

    bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        int got = _source(_buffer.AsSpan(_end), Offset + _end);
        _end += got;
        return got > 0;
    }
}
