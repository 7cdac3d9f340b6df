using System.Globalization;
using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// A look at whatever lies at a place, before it is opened: to open a device can have consequences, to open a FIFO is to
/// wait. It is looked at by a descriptor that neither drivers nor watchers hear of (O_PATH, open(2)), and what is opened
/// afterwards is what was looked at, whoever has put something else in its place meanwhile. In a directory where only root
/// could do that, it is looked at and opened by its name, which costs half as much.
/// </summary>
public readonly unsafe ref struct FileLook : IDisposable
{
    readonly int _fd;
    readonly int _directory;
    readonly ReadOnlySpan<byte> _name;
    readonly FileStat _stat;

    FileLook(int fd, int directory, ReadOnlySpan<byte> name, FileStat stat, int error)
    {
        _fd = fd;
        _directory = directory;
        _name = name;
        _stat = stat;
        Error = error;
    }

    /// <summary>0, or minus the errno: there is nothing, or it may not be looked at.</summary>
    public int Error { get; }

    /// <summary>What it is, when there is no error.</summary>
    public FileStat Stat => _stat;

    /// <summary>Looks at an entry of a directory; a link is not followed.</summary>
    /// <param name="name">With a NUL.</param>
    /// <param name="isExposed">Others than root may put something else in its place.</param>
    public static FileLook At(OpenDirectory directory, ReadOnlySpan<byte> name, bool isExposed)
    {
        if (isExposed)
        {
            return At(directory.Descriptor, name, Libc.O_NOFOLLOW);
        }

        _ = directory.TryStatEntry(name, out FileStat stat, out int error);
        return new FileLook(-1, directory.Descriptor, name, stat, error);
    }

    /// <summary>Looks at what a path leads to; links are followed.</summary>
    /// <param name="path">With a NUL.</param>
    public static FileLook At(ReadOnlySpan<byte> path) => At(Libc.AT_FDCWD, path, 0);

    /// <summary>Opens it to read; a lease that somebody holds is not waited for (EAGAIN).</summary>
    /// <param name="error">Minus the errno when null is returned.</param>
    public HeldFile? TryOpen(out int error)
    {
        Span<byte> link = stackalloc byte[32];
        "/proc/self/fd/"u8.CopyTo(link);
        _ = _fd.TryFormat(link[14..], out int digits, default, CultureInfo.InvariantCulture);
        link[14 + digits] = 0;
        fixed (byte* path = _fd < 0 ? _name : link)
        {
            int follow = _fd < 0 ? Libc.O_NOFOLLOW : 0;
            int fd = Libc.openat(_directory, path, Libc.O_RDONLY | Libc.O_CLOEXEC | Libc.O_NONBLOCK | follow, 0);
            error = fd < 0 ? -Marshal.GetLastPInvokeError() : 0;
            return fd < 0 ? null : new HeldFile(fd);
        }
    }

    /// <summary>Closes what was looked at with.</summary>
    public void Dispose() => Descriptors.Close(_fd);

    static FileLook At(int directory, ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* name = path)
        {
            int fd = Libc.openat(directory, name, Libc.O_PATH | Libc.O_CLOEXEC | flags, 0);
            if (fd < 0)
            {
                return new FileLook(fd, directory, default, default, -Marshal.GetLastPInvokeError());
            }

            _ = HeldFile.TryStat(fd, out FileStat stat, out int error);
            return new FileLook(fd, directory, default, stat, error);
        }
    }
}
