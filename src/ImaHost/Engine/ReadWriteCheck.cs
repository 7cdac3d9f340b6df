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

    readonly RecentFiles<Marks> _files = new();

    /// <summary>Who must be looked for before <see cref="Decide"/>?</summary>
    /// <param name="measures">A rule measures the file as it is opened.</param>
    public Holders Wanted(in FileStat file, OpenMode mode, bool measures)
    {
        Marks marks = _files.Peek(in file);
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
    public void Forget(in FileStat file) => _files.Change(in file, 0, static (_, _) => Marks.None);

    string? OnRead(in FileStat file, bool hasWriter, bool noWriter)
    {
        Marks before = _files.Change(
            in file, (hasWriter, noWriter),
            static (marks, now) => (now.noWriter ? marks & ~Marks.EmittedOpenWriters : marks) | Marks.MayEmitToMToU
                | (now.hasWriter && !now.noWriter ? Marks.EmittedOpenWriters : Marks.None));
        return hasWriter && !before.HasFlag(Marks.EmittedOpenWriters) ? OpenWriters : null;
    }

    /// <summary>
    /// A writer that is found is another, of whom was told. Without a reader the mark is of no use, as the next one
    /// sets it again.
    /// </summary>
    string? OnWrite(in FileStat file, Holders found)
    {
        Marks before = _files.Change(
            in file, found,
            static (marks, holders) => holders.HasFlag(Holders.Writer) ? marks & Marks.EmittedOpenWriters : Marks.None);
        return found.HasFlag(Holders.Reader) && before.HasFlag(Marks.MayEmitToMToU) ? ToMToU : null;
    }
}
