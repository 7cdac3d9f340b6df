namespace ImaHost.Appraisal;

/// <summary>Rows in memory, in the order in which they were read, those of each kind of digest together.</summary>
sealed class RowBuffer
{
    const int FirstRows = 1024;

    readonly byte[]?[] _rows = new byte[]?[DigestKind.Slots];
    readonly int[] _used = new int[DigestKind.Slots];

    /// <summary>Bytes of all rows.</summary>
    public long Bytes => _used.Sum(used => (long)used);

    /// <summary>The kinds there are rows of.</summary>
    public IEnumerable<int> Slots => Enumerable.Range(0, DigestKind.Slots).Where(slot => _used[slot] > 0);

    public ReadOnlySpan<byte> RowsOf(int slot) => _rows[slot].AsSpan(0, _used[slot]);

    /// <summary>Room for one row more.</summary>
    public Span<byte> Add(DigestKind kind)
    {
        int slot = kind.Slot;
        int size = kind.RowBytes;
        int used = _used[slot];
        if (used + size > (_rows[slot]?.Length ?? 0))
        {
            Array.Resize(ref _rows[slot], Math.Max(FirstRows * size, (int)Math.Min(2L * used, Array.MaxLength)));
        }

        _used[slot] = used + size;
        return _rows[slot].AsSpan(used, size);
    }

    /// <summary>How much of each kind there is, for <see cref="Rewind"/>.</summary>
    public int[] Mark() => [.. _used];

    /// <summary>Drops what was added since.</summary>
    public void Rewind(int[] mark) => mark.CopyTo(_used, 0);

    /// <summary>Drops all, and the memory too.</summary>
    public void Clear()
    {
        Array.Clear(_used);
        Array.Clear(_rows);
    }
}
