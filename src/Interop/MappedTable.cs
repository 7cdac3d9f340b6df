using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// An array of 64-bit words in a file mapping: its pages are the page cache's, which the kernel can write out and take
/// back. The file outlives the process, as the page cache does: what one host has stored, the next one finds.
/// </summary>
public sealed unsafe class MappedTable : IDisposable
{
    readonly nuint _bytes;
    ulong* _words;

    MappedTable(int fd, string path, int length)
    {
        Length = length;
        _bytes = (nuint)length * sizeof(ulong);
        void* map = Libc.mmap(null, _bytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, fd, 0);
        _words = (nint)map == -1 ? throw ErrnoException.Last($"map {path}") : (ulong*)map;
    }

    /// <summary>Words.</summary>
    public int Length { get; }

    /// <summary>All of it; zero at first.</summary>
    public Span<ulong> Words => new(_words, Length);

    /// <summary>Makes a file of its own, in the place of one that is there.</summary>
    /// <param name="length">Words.</param>
    /// <exception cref="ErrnoException">The disk has no room, or mmap(2) failed.</exception>
    public static MappedTable Create(string path, int length)
    {
        File.Delete(path);
        return With(path, Libc.O_RDWR | Libc.O_CREAT, fd =>
        {
            // Reserved now, so that a full disk is an error here and not a SIGBUS at some later store.
            long bytes = (long)length * sizeof(ulong);
            int refused = Libc.posix_fallocate(fd, 0, bytes);
            return refused == 0
                ? new MappedTable(fd, path, length)
                : throw new ErrnoException($"reserve {bytes} bytes for {path}", refused);
        });
    }

    /// <summary>Maps a file that <see cref="Create"/> has made.</summary>
    /// <exception cref="ErrnoException">It is not there, or mmap(2) failed.</exception>
    public static MappedTable Open(string path) => With(path, Libc.O_RDWR, fd =>
        HeldFile.TryStat(fd, out FileStat stat, out int error)
            ? new MappedTable(fd, path, (int)(stat.Size / sizeof(ulong)))
            : throw new ErrnoException($"stat {path}", -error));

    /// <summary>Unmaps the table.</summary>
    public void Dispose()
    {
        if (_words != null)
        {
            _ = Libc.munmap(_words, _bytes);
            _words = null;
        }
    }

    static MappedTable With(string path, int flags, Func<int, MappedTable> map)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int fd = Libc.open(name, flags | Libc.O_CLOEXEC, 0x180);
            ErrnoException.ThrowIfNegative(fd, $"open {path}");
            try
            {
                return map(fd);
            }
            finally
            {
                _ = Libc.close(fd);
            }
        }
    }
}
