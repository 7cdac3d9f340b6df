using ImaHost.Segments;

namespace ImaHost.MeasurementList;

/// <summary>
/// Points of a list in their order. Grows by small pieces and copies none: a long list must not hold up its writer, nor
/// leave the garbage of its doublings. Callers hold a lock.
/// </summary>
sealed class LogIndex
{
    const int PieceLength = 128;

    readonly List<LogExtent[]> _pieces = [];
    int _count;

    LogExtent this[int number] => _pieces[number / PieceLength][number % PieceLength];

    /// <param name="point">Not before the last one.</param>
    public void Add(LogExtent point)
    {
        if (_count % PieceLength == 0)
        {
            _pieces.Add(new LogExtent[PieceLength]);
        }

        _pieces[^1][_count++ % PieceLength] = point;
    }

    /// <summary>The first of each so many points.</summary>
    public LogExtent[] Every(int step)
    {
        var points = new LogExtent[(_count + step - 1) / step];
        for (int i = 0; i < points.Length; i++)
        {
            points[i] = this[i * step];
        }

        return points;
    }

    /// <summary>The last point at or before an offset of some form of the list, or the list's beginning.</summary>
    /// <param name="sizeOf">Bytes of so many entries in that form.</param>
    public LogExtent FindLast(long offset, Func<LogExtent, long> sizeOf)
    {
        int low = 0;
        int high = _count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (sizeOf(this[middle]) <= offset)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return _count == 0 ? default : this[low];
    }
}
