using System.Globalization;
using System.Runtime.InteropServices;
using ImaHost.Interop;

namespace ImaHost.Events;

/// <summary>What a held open(2) is for.</summary>
enum OpenMode
{
    /// <summary>It cannot be told.</summary>
    Unknown,
    /// <summary>To read.</summary>
    Read,
    /// <summary>To read and write.</summary>
    ReadWrite,
    /// <summary>To write only: nothing is used, nothing can be mapped.</summary>
    Write,
}

/// <summary>
/// Finds out how a file is being opened. The event does not say; but the task waits inside its system call, whose
/// arguments /proc/PID/task/TID/syscall (proc(5)) shows and nobody can change meanwhile. An openat2(2),
/// whose flags lie in memory, an io_uring and a 32-bit program cannot be told.
/// </summary>
static class OpenModes
{
    const int PatienceMilliseconds = 50;
    const int MostThreads = 64;
    const string Running = "running";

    /// <summary>System call number → which argument holds the flags; -1: creat(2), which has none.</summary>
    static readonly Dictionary<string, int> FlagsArgument =
        RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? new() { ["2"] = 1, ["257"] = 2, ["304"] = 2, ["85"] = -1 }
            : new() { ["56"] = 2, ["265"] = 2 };

    /// <summary>
    /// The open that a process is held in. The event does not name the thread, so all of them are looked
    /// at: those that may be held must be held in opens of one mode. A thread that runs may be the one that is about
    /// to be held: that is waited for, but not long.
    /// </summary>
    public static OpenIntent Read(int pid)
    {
        long end = Environment.TickCount64 + PatienceMilliseconds;
        do
        {
            if (TryFind(pid, end, out OpenIntent intent))
            {
                return intent;
            }

            Thread.Sleep(1);
        }
        while (Environment.TickCount64 < end);

        return OpenIntent.Unknown;
    }

    /// <summary>False while some thread runs, or none is held yet.</summary>
    static bool TryFind(int pid, long end, out OpenIntent intent)
    {
        OpenIntent? agreed = null;
        int looked = 0;
        intent = OpenIntent.Unknown;
        try
        {
            string tasks = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task");
            foreach (string task in Directory.EnumerateDirectories(tasks))
            {
                string[] call = ReadLine(Path.Combine(task, "syscall")).Split(' ');
                if (call[0] == Running)
                {
                    return false;
                }

                // A process with a crowd of threads must not keep a worker from all others.
                if (++looked > MostThreads || Environment.TickCount64 > end)
                {
                    return true;
                }

                if (MayBeHeld(task))
                {
                    agreed = OpenIntent.Agree(agreed, IsRingWorker(task) ? OpenIntent.Unknown : IntentOf(call));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }

        intent = agreed ?? OpenIntent.Unknown;
        return agreed != null;
    }

    /// <summary>
    /// May the thread be waiting for a verdict? Not when the kernel says that it waits in some other function, as in
    /// the open of a FIFO. "0": the kernel does not say.
    /// </summary>
    static bool MayBeHeld(string task)
    {
        string where = ReadLine(Path.Combine(task, "wchan"));
        return where is "" or "0" || where.StartsWith("fanotify", StringComparison.Ordinal);
    }

    /// <summary>A worker of an io_uring shows the call of the thread that made it, not what it opens.</summary>
    static bool IsRingWorker(string task) =>
        ReadLine(Path.Combine(task, "comm")).StartsWith("iou-", StringComparison.Ordinal);

    static OpenIntent IntentOf(string[] call)
    {
        if (!FlagsArgument.TryGetValue(call[0], out int argument) || call.Length < 4)
        {
            return OpenIntent.Unknown;
        }

        return argument < 0 ? OpenIntent.Create
            : long.TryParse(
                call[1 + argument].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long flags)
                ? OpenIntent.FromFlags(flags)
                : OpenIntent.Unknown;
    }

    static string ReadLine(string path)
    {
        Span<byte> text = stackalloc byte[256];
        using HeldFile file = HeldFile.Open(path);
        return System.Text.Encoding.ASCII.GetString(text[..Math.Max(file.ReadAt(text, 0), 0)]).TrimEnd();
    }
}
