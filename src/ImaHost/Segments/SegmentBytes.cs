using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace ImaHost.Segments;

/// <summary>
/// The segments of a list read as one file, by one who does not write it: from the first that is still there. One file is
/// open at a time, so a list of any length can be read; it may grow meanwhile.
/// </summary>
sealed class SegmentBytes(string directory) : IDisposable
{
    readonly List<(int Number, long Start, long Length)> _known = [];
    SafeFileHandle? _open;
    int _number = -1;

    /// <summary>Fills the buffer; fewer bytes only at the end.</summary>
    /// <exception cref="IOException">A segment is missing between others, or the disk failed.</exception>
    public int Read(Span<byte> buffer, long offset)
    {
        int done = 0;
        while (done < buffer.Length && Find(offset + done) is { } place)
        {
            done += RandomAccess.Read(Open(place.Number), buffer[done..], offset + done - place.Start);
        }

        return done;
    }

    public void Dispose() => _open?.Dispose();

    (int Number, long Start)? Find(long offset)
    {
        if (_known.Count == 0 || offset >= End)
        {
            Look();
        }

        int place = _known.FindLastIndex(one => one.Start <= offset);
        return place >= 0 && offset < End ? (_known[place].Number, _known[place].Start) : null;
    }

    long End => _known.Count == 0 ? 0 : _known[^1].Start + _known[^1].Length;

    /// <summary>The last one may have grown, and others may have followed.</summary>
    void Look()
    {
        if (_known.Count > 0)
        {
            _known.RemoveAt(_known.Count - 1);
        }

        int after = _known.Count == 0 ? -1 : _known[^1].Number;
        foreach (int number in SegmentFiles.Numbers(directory).Where(number => number > after))
        {
            var file = new FileInfo(SegmentFiles.Data(directory, number));
            if (file.Exists)
            {
                Require(number);
                _known.Add((number, End, file.Length));
            }
        }
    }

    void Require(int number)
    {
        if (_known.Count > 0 && number != _known[^1].Number + 1)
        {
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture, $"{directory}: segment {_known[^1].Number + 1} is missing between others"));
        }
    }

    SafeFileHandle Open(int number)
    {
        if (_open == null || _number != number)
        {
            _open?.Dispose();
            _open = File.OpenHandle(
                SegmentFiles.Data(directory, number), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            _number = number;
        }

        return _open;
    }
}
