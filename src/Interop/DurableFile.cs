using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Files that are on the disk, under their name and whole, or not at all.</summary>
public static unsafe class DurableFile
{
    /// <summary>
    /// Writes a file beside its place, waits for the disk, gives it its name and waits for the directory. Whatever had
    /// that name is gone.
    /// </summary>
    /// <exception cref="IOException">The disk refused it; what had the name before is still there.</exception>
    public static void Write(string path, ReadOnlySpan<byte> data)
    {
        string fresh = path + ".new";
        File.Delete(fresh);
        using (var file = new AppendFile(fresh))
        {
            file.WriteAt(data, 0);
            file.Flush();
        }

        Replace(fresh, path);
    }

    /// <summary>Lets a file that is on the disk take the place of another one, and has that on the disk as well.</summary>
    /// <exception cref="IOException">rename(2) failed.</exception>
    /// <exception cref="ErrnoException">The directory could not be synced: the new file is there.</exception>
    public static void Replace(string fresh, string path)
    {
        File.Move(fresh, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>rename(2), of a link to a directory too, which File.Move takes for a directory.</summary>
    /// <exception cref="ErrnoException">It failed.</exception>
    public static void Rename(string from, string to)
    {
        fixed (byte* old = Encoding.UTF8.GetBytes(from + '\0'), fresh = Encoding.UTF8.GetBytes(to + '\0'))
        {
            ErrnoException.ThrowIfNegative(Libc.rename(old, fresh), $"rename {from} to {to}");
        }
    }

    /// <summary>Waits until the disk has the names in a directory.</summary>
    /// <exception cref="ErrnoException">It cannot be opened, or the disk failed.</exception>
    public static void SyncDirectory(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int fd = Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
            ErrnoException.ThrowIfNegative(fd, $"open {path}");
            try
            {
                ErrnoException.ThrowIfNegative(Libc.fsync(fd), $"sync {path}");
            }
            finally
            {
                _ = Libc.close(fd);
            }
        }
    }
}
