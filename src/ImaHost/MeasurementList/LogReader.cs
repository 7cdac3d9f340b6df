using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>A source of bytes by offset; 0 at the end.</summary>
delegate int ByteSource(Span<byte> buffer, long offset);

/// <summary>Walks through the records of a list, whatever its length, in one buffer.</summary>
sealed class LogReader
{
    readonly ByteSource _source;
    byte[] _buffer = new byte[1 << 16];
    int _start;
    int _end;
    int _taken;

    public LogReader(ByteSource source) => _source = source;

    /// <summary>The offset of the next record.</summary>
    public long Offset { get; private set; }

    /// <summary>Goes to an offset at which a record begins.</summary>
    public void Seek(long offset)
    {
        Offset = offset;
        _start = _end = _taken = 0;
    }

    /// <summary>Takes the next record, valid until the next call.</summary>
    /// <returns>False at the end, also when the end cuts a record off.</returns>
    /// <exception cref="RecordException">No record begins here; the message names the offset.</exception>
    public bool Next(out MeasurementRecord record)
    {
        _start += _taken;
        Offset += _taken;
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
            return MeasurementRecord.TryRead(_buffer.AsSpan(_start, _end - _start), out record, out _taken);
        }
        catch (RecordException e)
        {
            throw new RecordException($"offset {Offset}: {e.Message}");
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
