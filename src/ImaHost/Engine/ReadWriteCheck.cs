using ImaHost.Events;
using ImaHost.Interop;

namespace ImaHost.Engine;

/// <summary>
/// Finds files that are read and written at the same time (ima_rdwr_violation_check), and says so once for each writer
/// and each reader that comes, as kernels since 6.15 do, rather than at every open.
/// </summary>
sealed class ReadWriteCheck
{
    /// <summary>Time of measurement, time of use: a writer opens what was measured and is still being read.</summary>
    public const string ToMToU = "ToMToU";

    /// <summary>A reader opens what somebody has open for writing.</summary>
    public const string OpenWriters = "open_writers";

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

    /// <summary>Who must be looked for before <see cref="Decide"/>?</summary>
    /// <param name="measures">A rule measures the file as it is opened.</param>
    public Holders Wanted(in FileStat file, OpenMode mode, bool measures)
    {
        Marks marks;
        lock (_gate)
        {
            marks = Peek(new FileKey(in file));
        }

        return mode switch
        {
            OpenMode.Read => Holders.None,
            OpenMode.Unknown => marks != Marks.None || measures ? Holders.Reader | Holders.Writer : Holders.None,
            OpenMode.ReadWrite or OpenMode.Write or _ =>
                (marks.HasFlag(Marks.MayEmitToMToU) ? Holders.Reader : Holders.None)
                | (marks.HasFlag(Marks.EmittedOpenWriters) ? Holders.Writer : Holders.None),
        };
    }

    /// <summary>Which violation is to be recorded, if any?</summary>
    /// <param name="hasWriter">The file is open for writing, be it by this very open.</param>
    /// <param name="noWriter">It is known that it is not.</param>
    /// <param name="found">Those of <see cref="Wanted"/> that there are. The opener itself has no descriptor yet.</param>
    public string? Decide(in FileStat file, OpenMode mode, bool measures, bool hasWriter, bool noWriter, Holders found)
    {
        // Somebody writes. If it is nobody else, it is this very open.
        bool reads = mode == OpenMode.Read || (mode == OpenMode.Unknown && found.HasFlag(Holders.Writer));
        return !reads ? OnWrite(in file, found) : measures ? OnRead(in file, hasWriter, noWriter) : null;
    }

    /// <summary>Its measurement was told of: the next writer is not to be told of again.</summary>
    public void Forget(in FileStat file)
    {
        lock (_gate)
        {
            _ = Take(new FileKey(in file));
        }
    }

    string? OnRead(in FileStat file, bool hasWriter, bool noWriter)
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

    /// <summary>
    /// A writer that is found is another, of whom was told. Without a reader the mark is of no use, as the next one
    /// sets it again.
    /// </summary>
    string? OnWrite(in FileStat file, Holders found)
    {
        var key = new FileKey(in file);
        lock (_gate)
        {
            Marks marks = Take(key);
            Put(key, found.HasFlag(Holders.Writer) ? marks & Marks.EmittedOpenWriters : Marks.None);
            return found.HasFlag(Holders.Reader) && marks.HasFlag(Marks.MayEmitToMToU) ? ToMToU : null;
        }
    }

    Marks Peek(FileKey key) =>
        (_young.TryGetValue(key, out Marks young) ? young : Marks.None)
        | (_old.TryGetValue(key, out Marks old) ? old : Marks.None);

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
