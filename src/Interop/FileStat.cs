using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>What statx(2) says of a file.</summary>
public readonly record struct FileStat(
    uint DeviceMajor, uint DeviceMinor, ulong Inode, ushort Mode, uint Uid, uint Gid, uint Links, ulong Size)
{
    const int TypeMask = 0xf000;
    const int Regular = 0x8000;
    const int BlockDevice = 0x6000;
    const int Directory = 0x4000;
    const int Link = 0xa000;
    const int Executable = 0x49; // S_IXUSR, S_IXGRP, S_IXOTH
    const int GroupWrites = 0x10; // S_IWGRP; with an access control list, what its mask leaves (acl(5))
    const int OthersWrite = 0x2; // S_IWOTH

    /// <summary>When its content changed (st_mtime).</summary>
    public FileTime Modified { get; init; }

    /// <summary>When anything of it changed (st_ctime).</summary>
    public FileTime Changed { get; init; }

    /// <summary>The mount it was reached by, by a number that no other one ever gets (Linux 6.8); 0: not known.</summary>
    public ulong UniqueMount { get; init; }

    /// <summary>It is immutable or append-only (chattr(1)): its attributes cannot be written either.</summary>
    public bool IsSealed { get; init; }

    /// <summary>Is it a regular file?</summary>
    public bool IsRegular => (Mode & TypeMask) == Regular;

    /// <summary>Is it a directory?</summary>
    public bool IsDirectory => (Mode & TypeMask) == Directory;

    /// <summary>Is it a symbolic link?</summary>
    public bool IsLink => (Mode & TypeMask) == Link;

    /// <summary>May somebody execute it?</summary>
    public bool IsExecutable => (Mode & Executable) != 0;

    /// <summary>Somebody besides root may write it, or decide that he may.</summary>
    public bool IsExposed => Uid != 0 || (Mode & OthersWrite) != 0 || ((Mode & GroupWrites) != 0 && Gid != 0);

    /// <summary>
    /// The same file, to which nothing has happened that shows. What a writer does right after another one need not
    /// show: it is for who has kept writers out to say that nothing did.
    /// </summary>
    public bool IsUnchangedFrom(in FileStat other) =>
        Inode == other.Inode && DeviceMajor == other.DeviceMajor && DeviceMinor == other.DeviceMinor
        && Size == other.Size && Modified == other.Modified && Changed == other.Changed;

    /// <summary>statx(2) of a path, links followed. Opens nothing.</summary>
    public static unsafe bool TryOfPath(string path, out FileStat stat)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            return TryRead(Libc.AT_FDCWD, name, 0, out stat, out _);
        }
    }

    /// <summary>The number of the block device that a node of /dev, or a link to one, stands for.</summary>
    /// <returns>False when it is none.</returns>
    public static unsafe bool TryOfBlockDevice(string path, out (uint Major, uint Minor) number)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            Libc.StatxBuffer raw;
            bool isOne = Libc.statx(Libc.AT_FDCWD, name, 0, Libc.STATX_BASIC_STATS, &raw) == 0
                && (raw.stx_mode & TypeMask) == BlockDevice;
            number = isOne ? (raw.stx_rdev_major, raw.stx_rdev_minor) : default;
            return isOne;
        }
    }

    internal static unsafe bool TryRead(int fd, byte* path, int flags, out FileStat stat, out int error)
    {
        Libc.StatxBuffer raw;
        if (Libc.statx(fd, path, flags, Libc.STATX_BASIC_STATS | Libc.STATX_MNT_ID_UNIQUE, &raw) < 0)
        {
            stat = default;
            error = -Marshal.GetLastPInvokeError();
            return false;
        }

        stat = new FileStat(
            raw.stx_dev_major, raw.stx_dev_minor, raw.stx_ino, raw.stx_mode, raw.stx_uid, raw.stx_gid, raw.stx_nlink,
            raw.stx_size)
        {
            Modified = FileTime.Of(in raw.stx_mtime),
            Changed = FileTime.Of(in raw.stx_ctime),
            IsSealed = (raw.stx_attributes & (Libc.STATX_ATTR_IMMUTABLE | Libc.STATX_ATTR_APPEND)) != 0,
            UniqueMount = (raw.stx_mask & Libc.STATX_MNT_ID_UNIQUE) != 0 ? raw.stx_mnt_id : 0,
        };
        error = 0;
        return true;
    }
}

/// <summary>A time of a file, as finely as its filesystem keeps it.</summary>
public readonly record struct FileTime(long Seconds, uint Nanoseconds)
{
    internal static FileTime Of(in Libc.StatxTimestamp time) => new(time.tv_sec, time.tv_nsec);
}
