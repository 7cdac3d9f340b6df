using System.Buffers.Text;
using ImaHost.MeasurementList;

namespace ImaHost.Fs;

/// <summary>
/// What is written to the files of the list, as since Linux 7.2 (CONFIG_IMA_STAGING, ima_fs.c): `A` and `D` to a staged
/// one, the number of entries to delete to another. Many may read or one may write, across all of these files; the one who
/// writes may open several.
/// </summary>
/// <param name="mayWrite">Has the process CAP_SYS_ADMIN, in the initial user namespace?</param>
sealed class StagingCommands(ListWindow window, Func<uint, bool> mayWrite)
{
    const int Invalid = -22; // EINVAL
    const int Busy = -16; // EBUSY
    const int Exists = -17; // EEXIST
    const int NoEntry = -2; // ENOENT
    const int NotPermitted = -1; // EPERM
    const int MostDigits = 20;

    readonly HashSet<ulong> _readers = [];
    readonly Dictionary<ulong, uint> _writers = [];
    volatile bool _isRead;

    /// <summary>Somebody has one of the files open to read: what they have still to read should stay where it is.</summary>
    public bool IsRead => _isRead;

    /// <summary>Handles that an earlier host has given out are not known here, and keep nobody out.</summary>
    public int OpenToRead(ulong handle)
    {
        if (_writers.Count > 0)
        {
            return Busy;
        }

        _ = _readers.Add(handle);
        _isRead = true;
        return 0;
    }

    /// <param name="pid">Who opens it.</param>
    public int OpenToWrite(ulong handle, uint pid)
    {
        if (!mayWrite(pid))
        {
            return NotPermitted;
        }

        if (_readers.Count > 0 || _writers.Values.Any(other => other != pid))
        {
            return Busy;
        }

        _writers[handle] = pid;
        return 0;
    }

    public void Release(ulong handle)
    {
        _ = _readers.Remove(handle);
        _isRead = _readers.Count > 0;
        _ = _writers.Remove(handle);
    }

    /// <summary>One command with its newline, in one write.</summary>
    /// <param name="isStaged">It was written to a staged file.</param>
    /// <returns>Bytes taken, or minus an errno.</returns>
    public int Write(ReadOnlySpan<byte> text, bool isStaged)
    {
        if (text.Length is < 2 or > MostDigits + 1 || text[^1] != '\n')
        {
            return Invalid;
        }

        ReadOnlySpan<byte> command = text[..^1];
        int error = isStaged
            ? command.SequenceEqual("A"u8) ? Stage()
                : command.SequenceEqual("D"u8) ? window.TryDeleteStaged() ? 0 : NoEntry
                : Invalid
            : Utf8Parser.TryParse(command, out long entries, out int used) && used == command.Length && entries > 0
                ? Delete(entries)
                : Invalid;
        return error == 0 ? text.Length : error;
    }

    /// <summary>Staging is done once at a time; an empty list cannot be staged.</summary>
    int Stage() => window.TryStage() ? 0 : window.Staged is { } there && there.From != there.To ? Exists : NoEntry;

    int Delete(long entries) => window.TryDelete(entries) ? 0 : window.Staged is { } there && there.From != there.To ? Exists : NoEntry;
}

/// <summary>
/// A file of the list: many read it, and root cuts the list by it. Its mode is the kernel's with CONFIG_IMA_STAGING, 0660:
/// who writes it must have CAP_SYS_ADMIN all the same.
/// </summary>
abstract class ListPublication(string name, StagingCommands commands) : PublishedFile(name, 0x1b0)
{
    readonly bool _isStaged = name.EndsWith("_staged", StringComparison.Ordinal);

    public override int OpenToRead(ulong handle) => commands.OpenToRead(handle);

    public override int OpenToWrite(bool append, ulong handle, uint pid) => commands.OpenToWrite(handle, pid);

    public override int Write(ulong handle, ReadOnlySpan<byte> data, long offset) => commands.Write(data, _isStaged);

    /// <summary>What a shell asks for before it writes.</summary>
    public override int SetSize(long size) => 0;

    public override void Release(ulong handle) => commands.Release(handle);
}
