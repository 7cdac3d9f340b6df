using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.MeasurementList;

/// <summary>
/// Finds an entry by its template digest and PCR, as the kernel's ima_htable does, in file-backed memory: 32 bytes of
/// page cache for each entry at most, none of anonymous memory. A word holds where the entry stands; the caller
/// compares it, so two digests that share a hash are told apart.
/// </summary>
sealed class DigestTable : IDisposable
{
    const int FirstCapacity = 1 << 12;
    readonly string _path;
    MappedTable _table;
    int _count;

    public DigestTable(string path)
    {
        _path = path;
        _table = new MappedTable(path, 2 * FirstCapacity);
    }

    /// <summary>Is this the entry that is looked for?</summary>
    /// <param name="position">Where it stands, as given to <see cref="Add"/>.</param>
    public delegate bool Comparison<TState>(long position, TState state)
        where TState : allows ref struct;

    public bool Contains<TState>(in Digest digest, int pcr, Comparison<TState> isIt, TState state)
        where TState : allows ref struct
    {
        ulong key = Key(in digest, pcr);
        Span<ulong> words = _table.Words;
        int mask = (words.Length / 2) - 1;
        for (int i = (int)key & mask; words[(2 * i) + 1] != 0; i = (i + 1) & mask)
        {
            if (words[2 * i] == key && isIt((long)words[(2 * i) + 1] - 1, state))
            {
                return true;
            }
        }

        return false;
    }

    /// <param name="position">Not negative.</param>
    public void Add(in Digest digest, int pcr, long position)
    {
        Reserve();
        Insert(_table.Words, Key(in digest, pcr), (ulong)position + 1);
        _count++;
    }

    /// <summary>Makes room for one more.</summary>
    /// <exception cref="ErrnoException">The disk has none.</exception>
    public void Reserve()
    {
        if (_count * 2 >= _table.Length / 2)
        {
            Grow();
        }
    }

    public void Dispose() => _table.Dispose();

    static ulong Key(in Digest digest, int pcr) =>
        BinaryPrimitives.ReadUInt64LittleEndian(digest.Bytes) ^ ((ulong)pcr << 32);

    static void Insert(Span<ulong> words, ulong key, ulong value)
    {
        int mask = (words.Length / 2) - 1;
        int i = (int)key & mask;
        while (words[(2 * i) + 1] != 0)
        {
            i = (i + 1) & mask;
        }

        words[2 * i] = key;
        words[(2 * i) + 1] = value;
    }

    void Grow()
    {
        var larger = new MappedTable(_path, _table.Length * 2);
        ReadOnlySpan<ulong> words = _table.Words;
        for (int i = 0; i < words.Length; i += 2)
        {
            if (words[i + 1] != 0)
            {
                Insert(larger.Words, words[i], words[i + 1]);
            }
        }

        _table.Dispose();
        _table = larger;
    }
}
