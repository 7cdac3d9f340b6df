using System.Buffers.Text;
using System.Globalization;
using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Events;

static partial class Accessor
{
    const int MaxPath = 4096; // PATH_MAX, include/uapi/linux/limits.h
    const int MostThreads = 16;
    const int NoEntry = 2; // ENOENT, errno(3)
    const uint KernelThread = 0x200000; // PF_KTHREAD, include/linux/sched.h
    const int FlagsField = 6; // of /proc/PID/stat, after the name

    /// <summary>
    /// The path of its program, as the kernel tells it (d_path): in another mount namespace as it is called there,
    /// where whoever made the namespace decides what lies where. Empty for a thread of the kernel.
    /// </summary>
    static bool TryReadExecutable(in ProcessDirectory process, ByteBuilder into)
    {
        int error = ReadExecutable(in process, "exe\0"u8, into);

        // ENOENT: it has no memory. Then it is the kernel's own, or has ended: perhaps only its first thread.
        return error == 0 || (error == -NoEntry && (IsKernelThread(in process) || TryReadOfThreads(in process, into)));
    }

    /// <returns>0, or minus the errno.</returns>
    static int ReadExecutable(in ProcessDirectory process, ReadOnlySpan<byte> link, ByteBuilder into)
    {
        ReadOnlySpan<byte> deleted = " (deleted)"u8;
        Span<byte> path = stackalloc byte[MaxPath];
        int length = process.ReadLink(link, path);
        if (length < 0)
        {
            return length;
        }

        path = path[..length];
        if (path.EndsWith(deleted) && IsUnlinked(in process, link, path))
        {
            path = path[..^deleted.Length];
        }

        into.Append(path);
        return 0;
    }

    /// <summary>
    /// Has the kernel added " (deleted)", or does the program's name end so? A file can have lost this name and have
    /// others left, as dpkg gives it while it unpacks: then the name with its addition does not lead to it. The name of a
    /// program that runs is one that the kernel has in memory.
    /// </summary>
    static bool IsUnlinked(in ProcessDirectory process, ReadOnlySpan<byte> link, ReadOnlySpan<byte> path)
    {
        Span<byte> named = stackalloc byte[MaxPath + 1];
        path.CopyTo(named);
        named[path.Length] = 0;
        return !process.TryStat(link, out FileStat program)
            || program.Links == 0
            || !process.TryStatCached(named, out FileStat other)
            || (other.Inode, other.DeviceMajor, other.DeviceMinor)
                != (program.Inode, program.DeviceMajor, program.DeviceMinor);
    }

    /// <summary>A process whose first thread has ended lives on in the others.</summary>
    static bool TryReadOfThreads(in ProcessDirectory process, ByteBuilder into)
    {
        Span<int> threads = stackalloc int[MostThreads];
        Span<byte> link = stackalloc byte[32];
        "task/"u8.CopyTo(link);
        foreach (int thread in threads[..process.ReadThreads(threads)])
        {
            _ = thread.TryFormat(link[5..], out int digits, default, CultureInfo.InvariantCulture);
            "/exe\0"u8.CopyTo(link[(5 + digits)..]);
            if (ReadExecutable(in process, link, into) == 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>By the flags in /proc/PID/stat (proc_pid_stat(5)), which stand behind the name in brackets.</summary>
    static bool IsKernelThread(in ProcessDirectory process)
    {
        ReadOnlySpan<byte> fields = ReadText(in process, "stat\0"u8);
        fields = fields[(fields.LastIndexOf((byte)')') + 1)..].TrimStart((byte)' ');
        for (int field = 0; field < FlagsField; field++)
        {
            fields = fields[(fields.IndexOf((byte)' ') + 1)..];
        }

        return Utf8Parser.TryParse(fields, out uint flags, out _) && (flags & KernelThread) != 0;
    }
}
