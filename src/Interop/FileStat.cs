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

    /// <summary>Is it a regular file?</summary>
    public bool IsRegular => (Mode & TypeMask) == Regular;

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
        if (Libc.statx(fd, path, flags, Libc.STATX_BASIC_STATS, &raw) < 0)
        {
            stat = default;
            error = -Marshal.GetLastPInvokeError();
            return false;
        }

        stat = new FileStat(
            raw.stx_dev_major, raw.stx_dev_minor, raw.stx_ino, raw.stx_mode, raw.stx_uid, raw.stx_gid, raw.stx_nlink,
            raw.stx_size);
        error = 0;
        return true;
    }
}
