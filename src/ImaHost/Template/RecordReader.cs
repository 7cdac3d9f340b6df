namespace ImaHost.Template;

/// <summary>A source of bytes by offset; 0 at the end.</summary>
delegate int ByteSource(Span<byte> buffer, long offset);

/// <summary>Walks through the records of a list, whatever its length, in one buffer.</summary>
abstract class RecordReader(ByteSource source)
{
    byte[] _buffer = new byte[1 << 16];
    int _start;
    int _end;
    int _taken;

    /// <summary>The number of the last record taken, counted from 0; at the end, how many there are.</summary>
    public long Number { get; private set; }

    /// <summary>The offset of the last record taken; at the end, of what is no whole record.</summary>
    public long Offset { get; private set; }

    /// <summary>The offset behind the last record taken.</summary>
    public long End => Offset + _taken;

    /// <summary>At the end: the bytes that are no whole record.</summary>
    public int Rest => _end - _start;

    /// <summary>Takes the next record, valid until the next call.</summary>
    /// <returns>False at the end, also when the end cuts a record off.</returns>
    /// <exception cref="RecordException">No record begins here; the message names its number and the offset.</exception>
    public bool Next(out MeasurementRecord record)
    {
        _start += _taken;
        Offset += _taken;
        Number += _taken > 0 ? 1 : 0;
        _taken = 0;
        for (bool ended = false; ; ended = !Fill())
        {
            if (TryTakeHere(ended, out record))
            {
                return true;
            }

            if (ended)
            {
                return false;
            }
        }
    }

    /// <summary>Says which record is damaged.</summary>
    public RecordException Locate(RecordException error) => new(error.Reason, $"entry {Number} at offset {Offset}: ");

    /// <summary>Takes the record at the start of the bytes.</summary>
    /// <param name="ended">No bytes follow these.</param>
    /// <param name="size">Its bytes.</param>
    /// <returns>False when more bytes are needed.</returns>
    /// <exception cref="RecordException">No record can begin like this.</exception>
    protected abstract bool TryTake(ReadOnlySpan<byte> bytes, bool ended, out MeasurementRecord record, out int size);

    /// <summary>Goes to an offset at which a record begins.</summary>
    /// <param name="number">Its number.</param>
    protected void Restart(long offset, long number)
    {
        Offset = offset;
        Number = number;
        _start = _end = _taken = 0;
    }

    bool TryTakeHere(bool ended, out MeasurementRecord record)
    {
        try
        {
            return TryTake(_buffer.AsSpan(_start, _end - _start), ended, out record, out _taken);
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

        int got = source(_buffer.AsSpan(_end), Offset + _end);
        _end += got;
        return got > 0;
    }
}
