using System.Globalization;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Names a mount (statx(2)).</summary>
/// <param name="Id">STATX_MNT_ID, the number in mountinfo; given out again when the mount is gone.</param>
/// <param name="Unique">STATX_MNT_ID_UNIQUE, never given out again; 0 before Linux 6.8.</param>
public readonly record struct MountIdentity(ulong Id, ulong Unique);

/// <summary>
/// What is mounted at a place, held open: meanwhile the mount cannot go, and its number is nobody else's. To get hold
/// of it nothing is opened: a device or a server at the end of a path that somebody has bent is not disturbed.
/// </summary>
public sealed unsafe class MountRoot : IDisposable
{
    const int TypeMask = 0xf000;
    const int DirectoryType = 0x4000;
    const int RegularType = 0x8000;
    int _place;
    int _open = -1;

    MountRoot(int place) => _place = place;

    /// <summary>What the guard gets.</summary>
    internal int Descriptor => _open;

    /// <summary>Which mount is at a path, links followed; nothing is held. False when it cannot be told.</summary>
    /// <param name="path">Ends in a NUL.</param>
    public static bool TryIdentify(ReadOnlySpan<byte> path, out MountIdentity identity)
    {
        fixed (byte* name = path)
        {
            return TryIdentify(Libc.AT_FDCWD, name, Libc.AT_NO_AUTOMOUNT, out identity, out _);
        }
    }

    /// <summary>Gets hold of what is at a path.</summary>
    /// <param name="path">Ends in a NUL.</param>
    /// <param name="error">The errno when it is null.</param>
    public static MountRoot? Hold(ReadOnlySpan<byte> path, out int error)
    {
        int place = OpenPath(path, Libc.O_PATH, out error);
        return place < 0 ? null : new MountRoot(place);
    }

    /// <summary>Which mount it is. False when the kernel does not tell.</summary>
    public bool TryIdentify(out MountIdentity identity) => TryIdentify(out identity, out _);

    /// <summary>Opens it to read, for the guard. May wait for a server.</summary>
    /// <returns>0, or the errno; EINVAL: it is neither a directory nor a regular file.</returns>
    public int Open()
    {
        if (!TryIdentify(out _, out int mode) || (mode & TypeMask) is not (DirectoryType or RegularType))
        {
            return Libc.EINVAL;
        }

        string link = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_place}\0");
        _open = OpenPath(Encoding.UTF8.GetBytes(link), Libc.O_RDONLY | Libc.O_NONBLOCK, out int error);
        return error;
    }

    /// <summary>Lets go of it.</summary>
    public void Dispose()
    {
        Descriptors.Close(_open);
        Descriptors.Close(_place);
        _open = _place = -1;
    }

    static int OpenPath(ReadOnlySpan<byte> path, int flags, out int error)
    {
        fixed (byte* name = path)
        {
            int fd = Libc.open(name, flags | Libc.O_CLOEXEC, 0);
            error = fd < 0 ? System.Runtime.InteropServices.Marshal.GetLastPInvokeError() : 0;
            return fd;
        }
    }

    bool TryIdentify(out MountIdentity identity, out int mode)
    {
        byte empty = 0;
        return TryIdentify(_place, &empty, Libc.AT_EMPTY_PATH, out identity, out mode);
    }

    /// <summary>A server is not asked (AT_STATX_DONT_SYNC): what the kernel knows of a mount it knows by itself.</summary>
    static bool TryIdentify(int fd, byte* path, int flags, out MountIdentity identity, out int mode)
    {
        flags |= Libc.AT_STATX_DONT_SYNC;
        Libc.StatxBuffer file, unique;
        identity = default;
        mode = 0;
        if (Libc.statx(fd, path, flags, Libc.STATX_TYPE | Libc.STATX_MNT_ID, &file) < 0
            || Libc.statx(fd, path, flags, Libc.STATX_MNT_ID_UNIQUE, &unique) < 0)
        {
            return false;
        }

        bool hasUnique = (unique.stx_mask & Libc.STATX_MNT_ID_UNIQUE) != 0;
        identity = new MountIdentity(file.stx_mnt_id, hasUnique ? unique.stx_mnt_id : 0);
        mode = file.stx_mode;
        return (file.stx_mask & Libc.STATX_MNT_ID) != 0;
    }
}
