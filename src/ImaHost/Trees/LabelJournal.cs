using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ImaHost.Interop;

namespace ImaHost.Trees;

/// <summary>
/// Which files have the label they should have, so that a run that was interrupted goes on without reading them again.
/// One file is eight bytes: the start of the SHA-256 of its device and inode, its size, when it was changed, in content
/// and at all, and what it is labelled with. Whatever happens to a file, its ctime is another one then; a change within
/// the same tick of the clock may be missed. A file that is passed over by mistake keeps a label that is not that of its
/// content, and is denied: nothing is ever allowed by this. For several threads.
/// </summary>
sealed class LabelJournal : IDisposable
{
    const int Entry = sizeof(ulong);
    const int FlushBytes = 8192;
    const int FlushMilliseconds = 1000;

    static readonly byte[] Head = "imahost label journal 1\n"u8.ToArray(); // whole entries long

    readonly FileStream _file;
    readonly byte[] _purpose;
    readonly FileStat _itself;
    readonly ulong[] _known;
    readonly Lock _lock = new();
    readonly MemoryStream _new = new();
    long _flushed = Environment.TickCount64;

    LabelJournal(FileStream file, string purpose, ulong[] known)
    {
        _file = file;
        _purpose = Encoding.UTF8.GetBytes(purpose);
        _known = known;
        _ = FileStat.TryOfPath(file.Name, out _itself);
    }

    /// <summary>How many files it knew when it was opened.</summary>
    public int Count => _known.Length;

    /// <summary>Opens a journal, which is made if it is missing.</summary>
    /// <param name="purpose">What labels are made with: what was labelled otherwise counts for nothing.</param>
    /// <param name="resume">Goes on with what is in it, instead of beginning anew.</param>
    /// <exception cref="IOException">It cannot be read and written, another run has it, or it is no journal.</exception>
    public static LabelJournal Open(string path, string purpose, bool resume)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None, // a lock: flock(2)
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        var file = new FileStream(path, options);
        try
        {
            return new LabelJournal(file, purpose, Begin(file, path, resume));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>It is the journal, which changes with every file that is labelled, and is not labelled itself.</summary>
    public bool IsItself(in FileStat stat) =>
        (stat.Inode, stat.DeviceMajor, stat.DeviceMinor) == (_itself.Inode, _itself.DeviceMajor, _itself.DeviceMinor);

    /// <summary>The file has had this label since, and nothing was done to it.</summary>
    public bool Has(in FileStat stat) => _known.Length > 0 && Array.BinarySearch(_known, Of(in stat)) >= 0;

    /// <summary>Notes that a file has its label.</summary>
    /// <param name="stat">As it is with it.</param>
    public void Add(in FileStat stat)
    {
        Span<byte> entry = stackalloc byte[Entry];
        BinaryPrimitives.WriteUInt64LittleEndian(entry, Of(in stat));
        lock (_lock)
        {
            _new.Write(entry);
            if (_new.Length >= FlushBytes || Environment.TickCount64 - _flushed >= FlushMilliseconds)
            {
                Flush();
            }
        }
    }

    /// <summary>Writes what was noted. What a killed run had not written is labelled again.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            Flush();
        }

        _file.Dispose();
    }

    static ulong[] Begin(FileStream file, string path, bool resume)
    {
        byte[] head = new byte[Head.Length];
        int got = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (!head.AsSpan(0, got).SequenceEqual(Head.AsSpan(0, got)))
        {
            throw new IOException($"{path} is no journal of imahost label, and stays as it is: name another file");
        }

        if (!resume || got < Head.Length)
        {
            file.SetLength(0);
            file.Write(Head);
            return [];
        }

        ulong[] known = new ulong[(file.Length - Head.Length) / Entry];
        file.ReadExactly(MemoryMarshal.AsBytes(known.AsSpan()));
        file.SetLength(file.Position); // A killed run may have left a part of an entry.
        Array.Sort(known);
        return known;
    }

    ulong Of(in FileStat stat)
    {
        Span<byte> facts = stackalloc byte[128];
        BinaryPrimitives.WriteUInt32LittleEndian(facts, stat.DeviceMajor);
        BinaryPrimitives.WriteUInt32LittleEndian(facts[4..], stat.DeviceMinor);
        BinaryPrimitives.WriteUInt64LittleEndian(facts[8..], stat.Inode);
        BinaryPrimitives.WriteUInt64LittleEndian(facts[16..], stat.Size);
        Write(stat.Changed, facts[24..]);
        Write(stat.Modified, facts[36..]);
        const int fixedSize = 48;
        int purpose = Math.Min(_purpose.Length, facts.Length - fixedSize);
        _purpose.AsSpan(0, purpose).CopyTo(facts[fixedSize..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(facts[..(fixedSize + purpose)], hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    static void Write(FileTime time, Span<byte> into)
    {
        BinaryPrimitives.WriteInt64LittleEndian(into, time.Seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(into[8..], time.Nanoseconds);
    }

    void Flush()
    {
        _file.Write(_new.GetBuffer(), 0, (int)_new.Length);
        _new.SetLength(0);
        _flushed = Environment.TickCount64;
    }
}
