using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// An open file. The descriptors of held accesses raise no events of their own, so reading one can never wait for
/// the guard; opening the same file by its path would.
/// </summary>
public sealed unsafe partial class HeldFile : IDisposable
{
    static readonly byte[] Empty = [0];
    int _fd;

    /// <summary>None yet: see <see cref="GuardSocket.Receive"/>.</summary>
    public HeldFile()
        : this(-1)
    {
    }

    internal HeldFile(int fd) => _fd = fd;

    /// <summary>False before there is one, and after it was closed.</summary>
    public bool IsOpen => _fd >= 0;

    /// <summary>Opens a regular file to read; a FIFO is not waited for.</summary>
    /// <exception cref="ErrnoException">open(2) failed.</exception>
    public static HeldFile Open(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int fd = Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0);
            ErrnoException.ThrowIfNegative(fd, $"open {path}");
            return new HeldFile(fd);
        }
    }

    /// <summary>Reads at an offset in bytes.</summary>
    /// <returns>Bytes read, 0 at the end, or minus the errno.</returns>
    public int ReadAt(Span<byte> buffer, long offset)
    {
        fixed (byte* into = buffer)
        {
            nint got;
            do
            {
                got = Libc.pread(_fd, into, (nuint)buffer.Length, offset);
            }
            while (got < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);

            return got < 0 ? -Marshal.GetLastPInvokeError() : (int)got;
        }
    }

    /// <summary>The file's attributes, or minus the errno in <paramref name="error"/>.</summary>
    public bool TryStat(out FileStat stat, out int error) => TryStat(_fd, out stat, out error);

    internal static bool TryStat(int fd, out FileStat stat, out int error)
    {
        fixed (byte* empty = Empty)
        {
            return FileStat.TryRead(fd, empty, Libc.AT_EMPTY_PATH, out stat, out error);
        }
    }

    /// <summary>The filesystem's magic number (statfs(2)), or 0.</summary>
    public long FilesystemMagic
    {
        get
        {
            Libc.StatfsBuffer raw;
            return Libc.fstatfs(_fd, &raw) < 0 ? 0 : raw.f_type;
        }
    }

    /// <summary>Reads an extended attribute.</summary>
    /// <param name="name">Ends in a NUL, as in "security.ima\0"u8.</param>
    /// <returns>Its length, or minus the errno (ENODATA: it is not there).</returns>
    public int GetXattr(ReadOnlySpan<byte> name, Span<byte> value)
    {
        fixed (byte* key = name)
        fixed (byte* into = value)
        {
            nint got = Libc.fgetxattr(_fd, key, into, (nuint)value.Length);
            return got < 0 ? -Marshal.GetLastPInvokeError() : (int)got;
        }
    }

    /// <summary>Writes an extended attribute.</summary>
    /// <param name="name">Ends in a NUL.</param>
    /// <returns>0, or minus the errno.</returns>
    public int SetXattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        fixed (byte* key = name)
        fixed (byte* from = value)
        {
            int result = Libc.fsetxattr(_fd, key, from, (nuint)value.Length, 0);
            return result < 0 ? -Marshal.GetLastPInvokeError() : 0;
        }
    }

    /// <summary>
    /// The path the file was opened by, as the kernel tells it (d_path), " (deleted)" included when it is unlinked.
    /// </summary>
    /// <returns>Its length in bytes, or minus the errno.</returns>
    public int ReadPath(Span<byte> buffer)
    {
        Span<byte> link = stackalloc byte[32];
        "/proc/self/fd/"u8.CopyTo(link);
        _ = _fd.TryFormat(link[14..], out int digits, default, CultureInfo.InvariantCulture);
        link[14 + digits] = 0;
        fixed (byte* name = link)
        fixed (byte* into = buffer)
        {
            nint got = Libc.readlink(name, into, (nuint)buffer.Length);
            return got < 0 ? -Marshal.GetLastPInvokeError() : (int)got;
        }
    }

    /// <summary>Closes the descriptor. The object can hold another one afterwards.</summary>
    public void Dispose()
    {
        Descriptors.Close(_fd);
        _fd = -1;
    }

    /// <summary>Takes over a descriptor in place of the one it holds.</summary>
    internal void Adopt(int fd)
    {
        Dispose();
        _fd = fd;
    }
}
