using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// A file that is written at its end and read anywhere, through the page cache. Not through a mapping: on a full disk
/// a store into a mapping would end the process, a write returns ENOSPC.
/// </summary>
public sealed unsafe class AppendFile : IDisposable
{
    readonly string _path;
    int _fd;

    /// <summary>Opens the file, which is made (mode 0600) if it is missing.</summary>
    /// <exception cref="ErrnoException">open(2) failed.</exception>
    public AppendFile(string path)
        : this(path, Libc.O_RDWR | Libc.O_CREAT)
    {
    }

    AppendFile(string path, int flags)
    {
        _path = path;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            _fd = Libc.open(name, flags | Libc.O_CLOEXEC, 0x180);
        }

        ErrnoException.ThrowIfNegative(_fd, $"open {path}");
    }

    /// <summary>Opens a file that is there, to be read alone.</summary>
    /// <exception cref="ErrnoException">open(2) failed.</exception>
    public static AppendFile OpenToRead(string path) => new(path, Libc.O_RDONLY);

    /// <summary>Its length in bytes.</summary>
    /// <exception cref="ErrnoException">statx(2) failed.</exception>
    public long Length =>
        HeldFile.TryStat(_fd, out FileStat stat, out int error)
            ? (long)stat.Size
            : throw new ErrnoException($"stat {_path}", -error);

    /// <summary>Writes all of <paramref name="data"/> at <paramref name="offset"/>.</summary>
    /// <exception cref="ErrnoException">The disk refused it (ENOSPC, EIO).</exception>
    public void WriteAt(ReadOnlySpan<byte> data, long offset)
    {
        fixed (byte* from = data)
        {
            int done = 0;
            while (done < data.Length)
            {
                nint wrote = Libc.pwrite(_fd, from + done, (nuint)(data.Length - done), offset + done);
                if (wrote < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR)
                {
                    continue;
                }

                if (wrote < 0)
                {
                    throw ErrnoException.Last($"write {_path}");
                }

                done += (int)wrote;
            }
        }
    }

    /// <summary>Reads up to the buffer's length; fewer bytes only at the end of the file.</summary>
    /// <exception cref="ErrnoException">The disk failed.</exception>
    public int ReadAt(Span<byte> buffer, long offset)
    {
        int done = 0;
        fixed (byte* into = buffer)
        {
            while (done < buffer.Length)
            {
                nint got = Libc.pread(_fd, into + done, (nuint)(buffer.Length - done), offset + done);
                if (got < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR)
                {
                    continue;
                }

                if (got < 0)
                {
                    throw ErrnoException.Last($"read {_path}");
                }

                if (got == 0)
                {
                    break;
                }

                done += (int)got;
            }
        }

        return done;
    }

    /// <summary>Cuts the file to a length in bytes.</summary>
    public void Truncate(long length) => ErrnoException.ThrowIfNegative(Libc.ftruncate(_fd, length), $"truncate {_path}");

    /// <summary>Waits until the disk has it all.</summary>
    public void Flush() => ErrnoException.ThrowIfNegative(Libc.fdatasync(_fd), $"sync {_path}");

    /// <summary>Closes the descriptor.</summary>
    public void Dispose()
    {
        if (_fd >= 0)
        {
            _ = Libc.close(_fd);
            _fd = -1;
        }
    }
}
