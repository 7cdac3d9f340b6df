using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.MeasurementList;

/// <summary>
/// Finds an entry by its key, as the kernel's ima_htable does, in file-backed memory: 64 bytes of page cache for each
/// entry at most, none of anonymous memory. A place holds where the entry stands; the caller compares it, so two keys
/// that share their first bytes are told apart. The next host finds the file as this one left it. A table that is half
/// full grows a little with each entry, so that none of them waits for all the others.
/// </summary>
sealed class DigestTable : IDisposable
{
    const int FirstCapacity = 1 << 12;

    /// <summary>Words before the places: what the file is, how far it reaches, how many entries it has.</summary>
    const int Header = 8;
    const ulong Magic = 0x3130_6c62_5461_6d69;
    const int Covers = 1;
    const int Count = 2;

    /// <summary>Places of the old table that are looked at with each new entry: it is empty long before the new one is half full.</summary>
    const int MovedAtOnce = 16;

    readonly string _path;
    MappedTable _table;
    MappedTable? _old;
    int _moved;

    /// <param name="path">A file that is made if it is missing, damaged, or about more than there is.</param>
    /// <param name="length">Bytes of the list.</param>
    /// <exception cref="ErrnoException">The disk has no room, or mmap(2) failed.</exception>
    public DigestTable(string path, long length = 0)
    {
        _path = path;
        _table = TryOpen(path, length) ?? CreateEmpty(path, FirstCapacity);
    }

    /// <summary>Entries that begin before this offset of the list are in the table.</summary>
    public long Covered => (long)_table.Words[Covers];

    /// <summary>Is this the entry that is looked for?</summary>
    /// <param name="position">Where it stands, as given to <see cref="Add"/>.</param>
    public delegate bool Comparison<TState>(long position, TState state)
        where TState : allows ref struct;

    public bool Contains<TState>(in Digest key, Comparison<TState> isIt, TState state)
        where TState : allows ref struct
    {
        ulong word = Word(in key);
        return Contains(_table, word, isIt, state) || (_old != null && Contains(_old, word, isIt, state));
    }

    /// <param name="position">Where it begins in the list; each after the last one.</param>
    public void Add(in Digest key, long position)
    {
        Reserve();
        Insert(_table, Word(in key), (ulong)position + 1);
        Cover(position + 1);
        Move();
    }

    /// <summary>Entries up to this offset need not be added.</summary>
    public void Cover(long position) => _table.Words[Covers] = (ulong)position;

    /// <summary>Makes room for one more.</summary>
    /// <exception cref="ErrnoException">The disk has none.</exception>
    public void Reserve()
    {
        if (_old == null && (long)_table.Words[Count] * 2 >= CapacityOf(_table))
        {
            MappedTable smaller = _table;
            _table = CreateEmpty(Next(_path), CapacityOf(_table) * 2);
            _old = smaller;
            _moved = 0;
        }
    }

    public void Dispose()
    {
        _table.Dispose();
        _old?.Dispose();
    }

    static string Next(string path) => path + ".next";

    static int CapacityOf(MappedTable table) => (table.Length - Header) / 2;

    static ulong Word(in Digest key) => BinaryPrimitives.ReadUInt64LittleEndian(key.Bytes);

    static MappedTable CreateEmpty(string path, int capacity)
    {
        var table = MappedTable.Create(path, Header + (2 * capacity));
        table.Words[0] = Magic;
        return table;
    }

    static MappedTable? TryOpen(string path, long length)
    {
        // Of a table that was growing when its host died the old one is left, which says how far it reaches.
        File.Delete(Next(path));
        if (!File.Exists(path) || new FileInfo(path).Length < (Header + (2 * FirstCapacity)) * sizeof(ulong))
        {
            return null;
        }

        var table = MappedTable.Open(path);
        if (table.Words[0] == Magic && table.Words[Covers] <= (ulong)length && int.IsPow2(CapacityOf(table)))
        {
            return table;
        }

        table.Dispose();
        return null;
    }

    static bool Contains<TState>(MappedTable table, ulong word, Comparison<TState> isIt, TState state)
        where TState : allows ref struct
    {
        Span<ulong> places = table.Words[Header..];
        int mask = (places.Length / 2) - 1;
        for (int i = (int)word & mask; places[(2 * i) + 1] != 0; i = (i + 1) & mask)
        {
            if (places[2 * i] == word && isIt((long)places[(2 * i) + 1] - 1, state))
            {
                return true;
            }
        }

        return false;
    }

    static void Insert(MappedTable table, ulong word, ulong value)
    {
        Span<ulong> places = table.Words[Header..];
        int mask = (places.Length / 2) - 1;
        int i = (int)word & mask;
        while (places[(2 * i) + 1] != 0)
        {
            i = (i + 1) & mask;
        }

        // In this order, so that a host that dies between leaves an empty place.
        places[2 * i] = word;
        places[(2 * i) + 1] = value;
        table.Words[Count]++;
    }

    /// <summary>Takes some entries over from the old table, and lets go of it when it has none left.</summary>
    void Move()
    {
        if (_old == null)
        {
            return;
        }

        ReadOnlySpan<ulong> places = _old.Words[Header..];
        int end = Math.Min(_moved + MovedAtOnce, places.Length / 2);
        for (; _moved < end; _moved++)
        {
            if (places[(2 * _moved) + 1] != 0)
            {
                Insert(_table, places[2 * _moved], places[(2 * _moved) + 1]);
            }
        }

        if (_moved == places.Length / 2)
        {
            File.Move(Next(_path), _path, overwrite: true);
            _old.Dispose();
            _old = null;
        }
    }
}
