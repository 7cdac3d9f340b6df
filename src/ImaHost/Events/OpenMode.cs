using System.Globalization;
using System.Runtime.InteropServices;
using ImaHost.Interop;

namespace ImaHost.Events;

/// <summary>What a held open(2) is for.</summary>
enum OpenMode
{
    /// <summary>To read, as far as can be told.</summary>
    Read,
    /// <summary>To read and write.</summary>
    ReadWrite,
    /// <summary>To write only: nothing is used, nothing can be mapped.</summary>
    Write,
}

/// <summary>
/// Finds out how a file is being opened. The event does not say; but the task waits inside its system call, whose
/// arguments /proc/PID/task/TID/syscall (proc(5)) shows and nobody can change meanwhile. Whatever cannot be told for
/// certain counts as reading: an openat2(2), whose flags lie in memory, an io_uring, a 32-bit program.
/// </summary>
static class OpenModes
{
    const int AccessModeMask = 3; // O_ACCMODE, fcntl.h
    const int WriteOnly = 1;
    const int PatienceMilliseconds = 20;

    /// <summary>System call number → which argument holds the flags; -1: creat(2), which has none.</summary>
    static readonly Dictionary<string, int> FlagsArgument =
        RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? new() { ["2"] = 1, ["257"] = 2, ["304"] = 2, ["85"] = -1 }
            : new() { ["56"] = 2, ["265"] = 2 };

    /// <summary>
    /// The mode of the open that a process is held in. Its threads may be held in several: then the least harmless
    /// counts, because the event does not name the thread. It may also not have gone to sleep yet.
    /// </summary>
    public static OpenMode Read(int pid)
    {
        for (int patience = PatienceMilliseconds; patience > 0; patience--)
        {
            if (Find(pid) is { } mode)
            {
                return mode;
            }

            Thread.Sleep(1);
        }

        return OpenMode.Read;
    }

    static OpenMode? Find(int pid)
    {
        OpenMode? mode = null;
        try
        {
            string tasks = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task");
            foreach (string task in Directory.EnumerateDirectories(tasks))
            {
                if (IsHeld(task) && ModeOf(task) is { } found)
                {
                    mode = mode == null || found < mode ? found : mode;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return OpenMode.Read;
        }

        return mode;
    }

    /// <summary>
    /// May the thread be waiting for a verdict? Not when the kernel says that it waits in some other function, as in
    /// the open of a FIFO. "0": the kernel does not say.
    /// </summary>
    static bool IsHeld(string task)
    {
        string where = ReadLine(Path.Combine(task, "wchan"));
        return where is "" or "0" || where.StartsWith("fanotify", StringComparison.Ordinal);
    }

    /// <summary>Null when the thread opens nothing: it runs, or waits for something else.</summary>
    static OpenMode? ModeOf(string task)
    {
        string[] words = ReadLine(Path.Combine(task, "syscall")).Split(' ');
        if (words[0] == "-1")
        {
            // Waits in the kernel outside a system call, as the workers of an io_uring do.
            return OpenMode.Read;
        }

        if (!FlagsArgument.TryGetValue(words[0], out int argument))
        {
            return null;
        }

        return argument < 0 ? OpenMode.Write : FromFlags(words[1 + argument]);
    }

    static string ReadLine(string path)
    {
        Span<byte> text = stackalloc byte[256];
        using HeldFile file = HeldFile.Open(path);
        return System.Text.Encoding.ASCII.GetString(text[..Math.Max(file.ReadAt(text, 0), 0)]).TrimEnd();
    }

    static OpenMode FromFlags(string hex)
    {
        _ = long.TryParse(hex.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long flags);
        return (flags & AccessModeMask) switch
        {
            0 => OpenMode.Read,
            WriteOnly => OpenMode.Write,
            _ => OpenMode.ReadWrite,
        };
    }
}
