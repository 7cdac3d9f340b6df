using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// A directory that paths are looked up in as if it were the root (openat2(2), RESOLVE_IN_ROOT): no link within leads
/// out of it.
/// </summary>
public sealed unsafe class RootDirectory : IDisposable
{
    /// <summary>EAGAIN means that something was renamed meanwhile; the kernel asks to try again.</summary>
    const int Tries = 16;
    int _fd;

    RootDirectory(string path, int fd)
    {
        Path = path;
        _fd = fd;
    }

    /// <summary>The path it was opened by.</summary>
    public string Path { get; }

    /// <summary>Opens a directory.</summary>
    /// <exception cref="ErrnoException">There is none.</exception>
    public static RootDirectory Open(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int fd = Libc.open(name, Libc.O_PATH | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
            ErrnoException.ThrowIfNegative(fd, $"open {path}");
            return new RootDirectory(path, fd);
        }
    }

    /// <summary>statx(2) of a path, whose last part is not followed where it is a link. Opens nothing.</summary>
    /// <param name="path">Ends in a NUL.</param>
    /// <returns>0, or minus the errno.</returns>
    public int Stat(ReadOnlySpan<byte> path, out FileStat stat)
    {
        stat = default;
        int fd = OpenIn(path, Libc.O_PATH | Libc.O_NOFOLLOW);
        if (fd < 0)
        {
            return fd;
        }

        byte empty = 0;
        _ = FileStat.TryRead(fd, &empty, Libc.AT_EMPTY_PATH, out stat, out int error);
        Descriptors.Close(fd);
        return error;
    }

    /// <summary>Opens a file to read. A link in its place is not followed, a FIFO not waited for.</summary>
    /// <param name="path">Ends in a NUL.</param>
    /// <returns>0, or minus the errno.</returns>
    public int Open(ReadOnlySpan<byte> path, out HeldFile file)
    {
        int fd = OpenIn(path, Libc.O_RDONLY | Libc.O_NOFOLLOW | Libc.O_NONBLOCK);
        file = new HeldFile(fd);
        return Math.Min(fd, 0);
    }

    /// <summary>Closes the directory.</summary>
    public void Dispose()
    {
        Descriptors.Close(_fd);
        _fd = -1;
    }

    int OpenIn(ReadOnlySpan<byte> path, int flags)
    {
        var how = new Libc.OpenHow
        {
            flags = (ulong)(flags | Libc.O_CLOEXEC),
            resolve = Libc.RESOLVE_IN_ROOT | Libc.RESOLVE_NO_MAGICLINKS,
        };
        int error = 0;
        fixed (byte* name = path)
        {
            for (int i = 0; i < Tries; i++)
            {
                int fd = (int)Libc.openat2(Libc.SYS_openat2, _fd, name, &how, (nuint)sizeof(Libc.OpenHow));
                error = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (error is not (Libc.EAGAIN or Libc.EINTR))
                {
                    return fd < 0 ? -error : fd;
                }
            }
        }

        return -error;
    }
}
