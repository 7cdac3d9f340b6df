using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// /proc/PID, held open, and what lies below it (proc(5)). The directory stays that of one process: once it has ended
/// and was waited for, everything below is ESRCH or ENOENT, also when another process has got its number. So what is
/// read through one of these belongs to one process, as by a pidfd (pidfd_open(2); pidfds were directories of /proc at
/// first), and no fact of a stranger gets among them. Names are given with a NUL at their end.
/// </summary>
/// <remarks>A structure, so that the facts of an access are read without allocating.</remarks>
public readonly unsafe ref struct ProcessDirectory
{
    const int MostDigits = 11;
    const int EntryHeader = 19; // d_ino, d_off, d_reclen, d_type of linux_dirent64 (getdents64(2))
    const int LengthOffset = 16;
    readonly int _fd;

    ProcessDirectory(int fd) => _fd = fd;

    /// <summary>False: there was no such process. Everything read is then an error.</summary>
    public bool IsOpen => _fd >= 0;

    /// <summary>Opens the directory of a process. It is not needed to be allowed to look at the process.</summary>
    public static ProcessDirectory Open(int pid)
    {
        Span<byte> path = stackalloc byte[32];
        return Open(PathOf(pid, "\0"u8, path));
    }

    /// <summary>Is there such a process, be it one that has ended and was not waited for?</summary>
    public static bool Exists(int pid)
    {
        using ProcessDirectory process = Open(pid);
        return process.IsOpen;
    }

    /// <summary>
    /// Do descriptors of two processes stand for the same open file (kcmp(2))? False also when that cannot be told: one of
    /// them is gone, or the kernel was built without CONFIG_KCMP.
    /// </summary>
    public static bool ShareFile((int Pid, int Descriptor) one, (int Pid, int Descriptor) other) =>
        Libc.kcmp(Libc.SYS_kcmp, one.Pid, other.Pid, Libc.KCMP_FILE, one.Descriptor, other.Descriptor) == 0;

    /// <summary>The start of one file of a process, where nothing else of it is asked: two system calls less.</summary>
    /// <returns>As <see cref="Read"/>.</returns>
    public static int ReadOf(int pid, ReadOnlySpan<byte> name, Span<byte> into)
    {
        Span<byte> path = stackalloc byte[64];
        return ReadAt(Libc.AT_FDCWD, PathOf(pid, name, path), into);
    }

    /// <summary>Reads a file from its start.</summary>
    /// <returns>How many bytes were read, or minus the errno. As many as there is room for: there may be more.</returns>
    public int Read(ReadOnlySpan<byte> name, Span<byte> into) => ReadAt(_fd, name, into);

    /// <summary>Opens a file, to read more of it than <see cref="Read"/> does.</summary>
    /// <returns>Null when it cannot be opened.</returns>
    public HeldFile? TryOpen(ReadOnlySpan<byte> name)
    {
        int fd = OpenAt(_fd, name, Libc.O_RDONLY);
        return fd < 0 ? null : new HeldFile(fd);
    }

    /// <summary>What a link says (readlinkat(2)).</summary>
    /// <returns>Its length in bytes, or minus the errno.</returns>
    public int ReadLink(ReadOnlySpan<byte> name, Span<byte> into)
    {
        fixed (byte* path = name)
        fixed (byte* to = into)
        {
            nint got = Libc.readlinkat(_fd, path, to, (nuint)into.Length);
            return got < 0 ? -Marshal.GetLastPInvokeError() : (int)got;
        }
    }

    /// <summary>
    /// statx(2) of what a link leads to. A filesystem that somebody serves is not asked for news: that could last.
    /// </summary>
    public bool TryStat(ReadOnlySpan<byte> name, out FileStat stat)
    {
        fixed (byte* path = name)
        {
            return FileStat.TryRead(_fd, path, Libc.AT_STATX_DONT_SYNC, out stat, out _);
        }
    }

    /// <summary>
    /// The file that the process knows by a path, if the kernel has all of the way in memory (RESOLVE_CACHED, Linux 5.12).
    /// Who made the process's mount namespace decides what lies on that way, and may let everybody wait who asks there.
    /// </summary>
    /// <param name="path">Absolute, with a NUL.</param>
    public bool TryStatCached(ReadOnlySpan<byte> path, out FileStat stat)
    {
        stat = default;
        int root = OpenAt(_fd, "root\0"u8, Libc.O_PATH);
        var how = new Libc.OpenHow { flags = Libc.O_PATH | Libc.O_CLOEXEC, resolve = Libc.RESOLVE_CACHED };
        int fd;
        fixed (byte* relative = path[1..])
        {
            fd = root < 0 ? -1 : (int)Libc.openat2(Libc.SYS_openat2, root, relative, &how, (nuint)sizeof(Libc.OpenHow));
        }

        byte empty = 0;
        bool isThere = fd >= 0
            && FileStat.TryRead(fd, &empty, Libc.AT_EMPTY_PATH | Libc.AT_STATX_DONT_SYNC, out stat, out _);
        Descriptors.Close(fd);
        Descriptors.Close(root);
        return isThere;
    }

    /// <summary>The numbers of its threads, the oldest first, as many as there is room for.</summary>
    /// <returns>How many there are, 0 when it is gone.</returns>
    public int ReadThreads(Span<int> into)
    {
        int tasks = OpenAt(_fd, "task\0"u8, Libc.O_RDONLY);
        if (tasks < 0)
        {
            return 0;
        }

        Span<byte> entries = stackalloc byte[2048];
        fixed (byte* to = entries)
        {
            nint got = Libc.getdents64(tasks, to, (nuint)entries.Length);
            _ = Libc.close(tasks);
            return ReadNumbers(entries[..(int)Math.Max(got, 0)], into);
        }
    }

    /// <summary>Closes the directory.</summary>
    public void Dispose() => Descriptors.Close(_fd);

    /// <summary>Any directory, that what is read of it can be tested.</summary>
    internal static ProcessDirectory Open(scoped ReadOnlySpan<byte> path) => new(OpenAt(Libc.AT_FDCWD, path, Libc.O_PATH));

    static int ReadAt(int directory, ReadOnlySpan<byte> name, Span<byte> into)
    {
        int fd = OpenAt(directory, name, Libc.O_RDONLY);
        if (fd < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        fixed (byte* to = into)
        {
            nint got = Libc.read(fd, to, (nuint)into.Length);
            int result = got < 0 ? -Marshal.GetLastPInvokeError() : (int)got;
            _ = Libc.close(fd);
            return result;
        }
    }

    static int OpenAt(int directory, ReadOnlySpan<byte> name, int flags)
    {
        fixed (byte* path = name)
        {
            return Libc.openat(directory, path, flags | Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0);
        }
    }

    /// <param name="rest">What follows the number, with its NUL.</param>
    static ReadOnlySpan<byte> PathOf(int pid, scoped ReadOnlySpan<byte> rest, Span<byte> path)
    {
        ReadOnlySpan<byte> proc = "/proc/"u8;
        proc.CopyTo(path);
        _ = pid.TryFormat(path.Slice(proc.Length, MostDigits), out int digits, default, CultureInfo.InvariantCulture);
        int length = proc.Length + digits;
        if (rest.Length > 1)
        {
            path[length++] = (byte)'/';
        }

        rest.CopyTo(path[length..]);
        return path[..(length + rest.Length)];
    }

    static int ReadNumbers(ReadOnlySpan<byte> entries, Span<int> into)
    {
        int count = 0;
        while (entries.Length > EntryHeader && count < into.Length)
        {
            int length = MemoryMarshal.Read<ushort>(entries[LengthOffset..]);
            if (Utf8Parser.TryParse(entries[EntryHeader..length], out int number, out _))
            {
                into[count++] = number;
            }

            entries = entries[length..];
        }

        return count;
    }
}
