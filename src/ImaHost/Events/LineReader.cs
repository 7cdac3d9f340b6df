using ImaHost.Interop;

namespace ImaHost.Events;

/// <summary>The lines of a file of any length, by way of one small buffer.</summary>
ref struct LineReader(HeldFile file, Span<byte> buffer)
{
    readonly Span<byte> _buffer = buffer;
    int _start;
    int _end;
    long _offset;
    bool _isInLine;

    /// <summary>The errno of the read that failed, or 0.</summary>
    public int Error { get; private set; }

    /// <summary>
    /// The next line, without its newline and valid until the next call; only the head of one that the buffer cannot
    /// hold.
    /// </summary>
    /// <returns>False at the end. What stands behind the last newline is no line.</returns>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        bool isRest;
        do
        {
            int length;
            while ((length = _buffer[_start.._end].IndexOf((byte)'\n')) < 0 && _end - _start < _buffer.Length)
            {
                if (!TryFill())
                {
                    line = default;
                    return false;
                }
            }

            isRest = _isInLine;
            _isInLine = length < 0;
            line = _buffer[_start..(_isInLine ? _end : _start + length)];
            _start = _isInLine ? _end : _start + length + 1;
        }
        while (isRest);

        return true;
    }

    bool TryFill()
    {
        _buffer[_start.._end].CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        int got = file.ReadAt(_buffer[_end..], _offset);
        if (got <= 0)
        {
            Error = -got;
            return false;
        }

        _end += got;
        _offset += got;
        return true;
    }
}
