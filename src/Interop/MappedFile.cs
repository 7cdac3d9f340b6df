using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// A whole file, mapped to be read. It stays readable when another file takes its name, and is unmapped once nobody
/// refers to it any more: whoever reads <see cref="Bytes"/> keeps the object alive until he is done (GC.KeepAlive).
/// Whoever writes such a file replaces it by a rename: a mapping of a file that is cut off ends in SIGBUS.
/// </summary>
public sealed unsafe class MappedFile
{
    readonly byte* _start;
    readonly int _length;

    MappedFile(byte* start, int length)
    {
        _start = start;
        _length = length;
        GC.AddMemoryPressure(length);
    }

    /// <summary>Unmaps it.</summary>
    ~MappedFile()
    {
        if (_start != null)
        {
            _ = Libc.munmap(_start, (nuint)_length);
            GC.RemoveMemoryPressure(_length);
        }
    }

    /// <summary>The content at the time it was mapped.</summary>
    public ReadOnlySpan<byte> Bytes => new(_start, _length);

    /// <summary>Maps a regular file that has content.</summary>
    /// <returns>Null: there is none, or it is empty, or longer than 2 GiB.</returns>
    /// <exception cref="ErrnoException">It is there, and open(2) or mmap(2) failed.</exception>
    public static MappedFile? TryOpen(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int fd = Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0);
            if (fd < 0 && ErrnoException.Last($"open {path}") is var failure)
            {
                return failure.Errno == Libc.ENOENT ? null : throw failure;
            }

            try
            {
                return HeldFile.TryStat(fd, out FileStat stat, out _) && stat.IsRegular && stat.Size is > 0 and <= int.MaxValue
                    ? new MappedFile(Map(fd, (int)stat.Size, path), (int)stat.Size)
                    : null;
            }
            finally
            {
                _ = Libc.close(fd);
            }
        }
    }

    static byte* Map(int fd, int length, string path)
    {
        void* map = Libc.mmap(null, (nuint)length, Libc.PROT_READ, Libc.MAP_SHARED, fd, 0);
        return (nint)map == -1 ? throw ErrnoException.Last($"map {path}") : (byte*)map;
    }
}
