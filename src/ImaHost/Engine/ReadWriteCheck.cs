using ImaHost.Events;
using ImaHost.Interop;

namespace ImaHost.Engine;

/// <summary>
/// Finds files that are read and written at the same time (ima_rdwr_violation_check), and says so once for each writer
/// and each reader that comes, as kernels since 6.15 do, rather than at every open.
/// </summary>
/// <param name="guardPid">The guard, which holds every file that is judged.</param>
sealed class ReadWriteCheck(int guardPid)
{
    /// <summary>Time of measurement, time of use: a writer opens what was measured and is still being read.</summary>
    public const string ToMToU = "ToMToU";

    /// <summary>A reader opens what somebody has open for writing.</summary>
    public const string OpenWriters = "open_writers";

    /// <summary>Looking through all processes takes so long at most; the accessor waits meanwhile.</summary>
    const int SearchMilliseconds = 150;

    /// <summary>Files in one generation; the older of two is forgotten when the younger is full.</summary>
    const int MostFiles = 8192;

    /// <summary>The flags of the kernel's iint that these violations need.</summary>
    [Flags]
    enum Marks
    {
        None = 0,
        /// <summary>IMA_MAY_EMIT_TOMTOU: it was opened to be read, and measured.</summary>
        MayEmitToMToU = 1,
        /// <summary>IMA_EMITTED_OPENWRITERS: the writers that are there were told of.</summary>
        EmittedOpenWriters = 2,
    }

    readonly Lock _gate = new();
    Dictionary<FileKey, Marks> _young = [];
    Dictionary<FileKey, Marks> _old = [];

    /// <summary>An open to read that a rule measures.</summary>
    /// <param name="noWriter">It is known that nobody has the file open for writing.</param>
    /// <returns>The violation to record, or null.</returns>
    public string? OnRead(in FileStat file, bool hasWriter, bool noWriter)
    {
        var key = new FileKey(in file);
        lock (_gate)
        {
            Marks marks = Take(key);
            bool isNew = hasWriter && !marks.HasFlag(Marks.EmittedOpenWriters);
            marks |= Marks.MayEmitToMToU | (hasWriter ? Marks.EmittedOpenWriters : Marks.None);
            Put(key, noWriter ? marks & ~Marks.EmittedOpenWriters : marks);
            return isNew ? OpenWriters : null;
        }
    }

    /// <summary>An open to write, whatever the rules say about it.</summary>
    /// <returns>The violation to record, or null.</returns>
    public string? OnWrite(in FileStat file)
    {
        var key = new FileKey(in file);
        Marks marks;
        lock (_gate)
        {
            marks = Take(key);
        }

        if (marks == Marks.None)
        {
            return null;
        }

        // The opener has no descriptor yet: a writer that is found is another, of whom was told. Without a reader the
        // mark is of no use either, as the next one sets it again.
        Holders wanted = (marks.HasFlag(Marks.MayEmitToMToU) ? Holders.Reader : Holders.None)
            | (marks.HasFlag(Marks.EmittedOpenWriters) ? Holders.Writer : Holders.None);
        Holders found = Search(in file, wanted);
        if (found.HasFlag(Holders.Writer))
        {
            lock (_gate)
            {
                Put(key, Take(key) | Marks.EmittedOpenWriters);
            }
        }

        return found.HasFlag(Holders.Reader) ? ToMToU : null;
    }

    /// <summary>Has anybody the file open to read, and not to write?</summary>
    public bool IsRead(in FileStat file)
    {
        lock (_gate)
        {
            _ = Take(new FileKey(in file));
        }

        return Search(in file, Holders.Reader) != Holders.None;
    }

    Holders Search(in FileStat file, Holders wanted) =>
        OpenHolders.Find(in file, wanted, guardPid, Environment.TickCount64 + SearchMilliseconds);

    Marks Take(FileKey key)
    {
        _ = _young.Remove(key, out Marks young);
        _ = _old.Remove(key, out Marks old);
        return young | old;
    }

    void Put(FileKey key, Marks marks)
    {
        if (marks == Marks.None)
        {
            return;
        }

        if (_young.Count >= MostFiles)
        {
            (_old, _young) = (_young, _old);
            _young.Clear();
        }

        _young[key] = marks;
    }

    readonly record struct FileKey(uint Major, uint Minor, ulong Inode)
    {
        public FileKey(in FileStat file)
            : this(file.DeviceMajor, file.DeviceMinor, file.Inode)
        {
        }
    }
}
