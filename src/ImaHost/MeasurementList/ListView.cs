using ImaHost.Crypto;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>A part of the list, from one entry to another.</summary>
readonly record struct LogWindow(LogExtent From, LogExtent To);

/// <summary>
/// A list in one of the forms it is published in, rendered from the binary one as it is read: the ascii list, and the
/// twins of either that show template digests in another algorithm. Offsets are stable: what was once readable stays
/// where it is. For one thread.
/// </summary>
sealed class ListView
{
    /// <summary>Within about this distance going on record by record is cheaper than a jump.</summary>
    const int NearBytes = 1 << 17;

    readonly MeasurementLog _log;
    readonly LogReader _reader;
    readonly ByteBuilder _shown = new();
    readonly HashAlgorithm _algorithm;
    readonly bool _ascii;
    readonly DigestSet _digests;
    readonly Func<LogWindow> _window;

    /// <summary>Made once, not at each jump.</summary>
    readonly Func<LogExtent, long> _sizeOf;
    long _shownAt;
    long _limit;

    /// <param name="algorithm">Of the template digests; SHA-1 in the list as it is kept.</param>
    /// <param name="window">What of the list is shown; null: all of it.</param>
    public ListView(
        MeasurementLog log, HashAlgorithm algorithm, bool ascii, DigestSet digests, Func<LogWindow>? window = null)
    {
        _log = log;
        _window = window ?? (() => new LogWindow(default, log.Extent));
        _algorithm = algorithm;
        _ascii = ascii;
        _digests = digests;
        _sizeOf = SizeOf;
        _reader = new LogReader((buffer, offset) =>
            offset >= _limit ? 0 : log.ReadFile(buffer[..(int)Math.Min(buffer.Length, _limit - offset)], offset));
    }

    /// <summary>Bytes in this form.</summary>
    public long Size
    {
        get
        {
            LogWindow window = _window();
            return SizeOf(window.To) - SizeOf(window.From);
        }
    }

    /// <summary>Fills the buffer from an offset on; fewer bytes only at the end.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        LogWindow window = _window();
        _limit = window.To.BinaryBytes;
        offset += SizeOf(window.From);
        if (offset >= SizeOf(window.To))
        {
            return 0;
        }

        if (offset < _shownAt || _shownAt < SizeOf(window.From) || offset - _shownAt > NearBytes)
        {
            LogExtent point = _log.FindPoint(offset, _sizeOf);
            _reader.Seek(point.BinaryBytes, point.Entries);
            _shownAt = SizeOf(point);
            _shown.Clear();
        }

        int done = 0;
        while (done < buffer.Length && (offset + done < _shownAt + _shown.Length || ShowNext()))
        {
            done += CopyShown(buffer[done..], offset + done);
        }

        return done;
    }

    /// <summary>Bytes of so many entries: each digest is longer than SHA-1's by the same.</summary>
    long SizeOf(LogExtent extent)
    {
        long longer = extent.Entries * (_algorithm.Size - HashAlgorithm.Sha1.Size);
        return _ascii ? extent.AsciiBytes + (2 * longer) : extent.BinaryBytes + longer;
    }

    int CopyShown(Span<byte> into, long offset)
    {
        long skip = offset - _shownAt;
        if (skip >= _shown.Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> rest = _shown.Written[(int)skip..];
        rest = rest[..Math.Min(rest.Length, into.Length)];
        rest.CopyTo(into);
        return rest.Length;
    }

    bool ShowNext()
    {
        if (!_reader.Next(out MeasurementRecord record))
        {
            return false;
        }

        _shownAt += _shown.Length;
        _shown.Clear();
        Span<byte> digest = stackalloc byte[_algorithm.Size];
        Digest(in record, digest);
        if (_ascii)
        {
            record.AppendAscii(digest, _shown);
        }
        else
        {
            record.AppendBinary(digest, _shown);
        }

        return true;
    }

    void Digest(in MeasurementRecord record, Span<byte> digest)
    {
        if (_algorithm == HashAlgorithm.Sha1)
        {
            record.TemplateDigest.CopyTo(digest);
        }
        else if (record.IsViolation)
        {
            digest.Clear();
        }
        else
        {
            Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
            _digests[_algorithm].Hash(record.HashedData(scratch), digest);
        }
    }
}
