using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// An array of 64-bit words in a file mapping: its pages are the page cache's, which the kernel can write out and take
/// back. The file is scratch, gone with the table.
/// </summary>
public sealed unsafe class MappedTable : IDisposable
{
    readonly nuint _bytes;
    ulong* _words;

    /// <param name="path">A file that is made and unlinked at once.</param>
    /// <param name="length">Words.</param>
    /// <exception cref="ErrnoException">The disk has no room, or mmap(2) failed.</exception>
    public MappedTable(string path, int length)
    {
        Length = length;
        _bytes = (nuint)length * sizeof(ulong);
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int fd = Libc.open(name, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, 0x180);
            ErrnoException.ThrowIfNegative(fd, $"open {path}");
            try
            {
                _ = Libc.unlink(name);

                // Reserved now, so that a full disk is an error here and not a SIGBUS at some later store.
                int refused = Libc.posix_fallocate(fd, 0, (long)_bytes);
                if (refused != 0)
                {
                    throw new ErrnoException($"reserve {_bytes} bytes for {path}", refused);
                }

                void* map = Libc.mmap(null, _bytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, fd, 0);
                _words = (nint)map == -1 ? throw ErrnoException.Last($"map {path}") : (ulong*)map;
            }
            finally
            {
                _ = Libc.close(fd);
            }
        }
    }

    /// <summary>Words.</summary>
    public int Length { get; }

    /// <summary>All of it; zero at first.</summary>
    public Span<ulong> Words => new(_words, Length);

    /// <summary>Unmaps the table.</summary>
    public void Dispose()
    {
        if (_words != null)
        {
            _ = Libc.munmap(_words, _bytes);
            _words = null;
        }
    }
}
