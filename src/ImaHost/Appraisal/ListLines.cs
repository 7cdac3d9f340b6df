using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>The lines of a list, one at a time, however long the list is.</summary>
sealed class ListLines(Stream content, string file)
{
    /// <summary>Of one line: a digest, and a path that may be escaped.</summary>
    const int MostBytes = 16 * 1024;

    readonly byte[] _buffer = new byte[4 * MostBytes];
    int _start;
    int _end;
    bool _isAtEnd;

    /// <summary>Of the line that was read last, from 1.</summary>
    public long Number { get; private set; }

    /// <param name="line">Without its end, which may be CR LF; good until the next one is read.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="PolicyException">It is too long, or holds a NUL byte.</exception>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        for (;;)
        {
            ReadOnlySpan<byte> rest = _buffer.AsSpan(_start, _end - _start);
            int length = rest.IndexOf((byte)'\n');
            if (length >= 0 || (_isAtEnd && !rest.IsEmpty))
            {
                Number++;
                line = length >= 0 ? rest[..length] : rest;
                _start += line.Length + (length >= 0 ? 1 : 0);
                Check(line);
                line = line is [.., (byte)'\r'] ? line[..^1] : line;
                return true;
            }

            if (_isAtEnd)
            {
                line = default;
                return false;
            }

            Fill(rest);
        }
    }

    void Fill(ReadOnlySpan<byte> rest)
    {
        if (rest.Length > MostBytes)
        {
            Number++;
            Check(rest);
        }

        rest.CopyTo(_buffer);
        _start = 0;
        _end = rest.Length;
        int got = content.Read(_buffer.AsSpan(_end));
        _end += got;
        _isAtEnd = got == 0;
    }

    void Check(ReadOnlySpan<byte> line)
    {
        if (line.Length > MostBytes)
        {
            throw new PolicyException(new PolicyPlace(file, Number), $"a line longer than {MostBytes} bytes");
        }

        if (line.IndexOf((byte)0) is >= 0 and int at)
        {
            throw new PolicyException(new PolicyPlace(file, Number, at + 1), "a NUL byte, which no list has");
        }
    }
}
