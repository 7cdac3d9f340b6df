using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Whose a mount namespace is.</summary>
public static unsafe class MountNamespace
{
    /// <summary>ioctl_ns(2).</summary>
    const uint NS_GET_USERNS = 0xb701;

    /// <summary>
    /// Is the mount namespace of a process owned by our own user namespace? If not, a user made it, and what is
    /// mounted in there may be served by that user's own program. What cannot be told counts as so.
    /// </summary>
    /// <param name="directory">"/proc/PID".</param>
    public static bool IsOurs(string directory)
    {
        int mounts = Open($"{directory}/ns/mnt");
        int owner = mounts < 0 ? -1 : Libc.ioctl(mounts, NS_GET_USERNS, null);
        bool isOurs = owner >= 0 && HeldFile.TryStat(owner, out FileStat theirs, out _)
            && FileStat.TryOfPath("/proc/self/ns/user", out FileStat own) && theirs.Inode == own.Inode;
        Descriptors.Close(mounts);
        Descriptors.Close(owner);
        return isOurs;
    }

    /// <summary>
    /// Is this process in another mount namespace than the first process it can see? False when that cannot be told.
    /// </summary>
    public static bool IsPrivate() =>
        FileStat.TryOfPath("/proc/self/ns/mnt", out FileStat own) && FileStat.TryOfPath("/proc/1/ns/mnt", out FileStat first)
        && own.Inode != first.Inode;

    static int Open(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            return Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        }
    }
}
