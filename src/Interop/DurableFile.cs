using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Files that are whole at any time: the old one or the new one, also after a power cut.</summary>
public static unsafe class DurableFile
{
    /// <summary>Lets a file that is on the disk take the place of another one, and has that on the disk as well.</summary>
    /// <exception cref="IOException">rename(2) failed.</exception>
    /// <exception cref="ErrnoException">The directory could not be synced: the new file is there.</exception>
    public static void Replace(string fresh, string path)
    {
        File.Move(fresh, path, overwrite: true);
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        fixed (byte* name = Encoding.UTF8.GetBytes(directory + '\0'))
        {
            int fd = Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
            ErrnoException.ThrowIfNegative(fd, $"open {directory}");
            int result = Libc.fdatasync(fd);
            ErrnoException? failure = result < 0 ? ErrnoException.Last($"sync {directory}") : null;
            _ = Libc.close(fd);
            if (failure != null)
            {
                throw failure;
            }
        }
    }
}
