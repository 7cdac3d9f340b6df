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
    /// <exception cref="IOException">A segment is missing between others or was cut meanwhile, or the disk failed.</exception>
    public int Read(Span<byte> buffer, long offset)
    {
        int done = 0;
        while (done < buffer.Length && Find(offset + done) is { } place)
        {
            int got = RandomAccess.Read(Open(place.Number), buffer[done..], offset + done - place.Start);
            done += got > 0 ? got : throw Cut(place.Number, offset + done - place.Start);
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

        if (_known.Count == 0 || offset >= End)
        {
            return null;
        }

        (int number, long start, _) = _known[IndexOf(offset)];
        return (number, start);
    }

    /// <summary>The last one that begins at or before an offset; empty ones begin where others do.</summary>
    int IndexOf(long offset)
    {
        int low = 0;
        int high = _known.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _known[middle].Start <= offset ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    /// <summary>Its length was another when it was looked up.</summary>
    IOException Cut(int number, long at) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{SegmentFiles.Data(directory, number)} ends after {at} bytes: something has cut it while it was read; verify the segments"));

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
