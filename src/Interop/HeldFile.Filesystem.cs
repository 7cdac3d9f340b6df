using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

public sealed unsafe partial class HeldFile
{
    const int NotForThis = -25; // ENOTTY, errno(3)
    const long FuseMagic = 0x65735546; // FUSE_SUPER_MAGIC, include/uapi/linux/magic.h

    /// <summary>Since this kernel the ioctls about a filesystem's UUID are answered before the filesystem is asked.</summary>
    static readonly bool KernelTellsUuid = Environment.OSVersion.Version >= new Version(6, 9);

    /// <summary>
    /// The id of the mount that the file was opened by, as in mountinfo (statx(2), Linux 5.8), or null. No other mount
    /// has it as long as the file is open.
    /// </summary>
    public ulong? MountId
    {
        get
        {
            Libc.StatxBuffer raw;
            fixed (byte* empty = Empty)
            {
                return Libc.statx(_fd, empty, Libc.AT_EMPTY_PATH, Libc.STATX_MNT_ID, &raw) == 0
                    && (raw.stx_mask & Libc.STATX_MNT_ID) != 0
                    ? raw.stx_mnt_id
                    : null;
            }
        }
    }

    /// <summary>
    /// Has something become of the file that poll(2) calls an urgent event? Of mountinfo: mounts have come, gone or
    /// changed since it was opened or last asked (mounts_poll). Each change is told once.
    /// </summary>
    public bool HasUrgentNews()
    {
        var entry = new Libc.PollEntry { fd = _fd, events = Libc.POLLPRI };
        return Libc.poll(&entry, 1, 0) != 0;
    }

    /// <summary>The UUID of the file's filesystem (s_uuid of its superblock).</summary>
    /// <param name="uuid">Null, when true is returned: it has none.</param>
    /// <returns>False when the kernel does not tell: before Linux 6.9 it does for ext4 and btrfs only.</returns>
    public bool TryGetFilesystemUuid(out Guid? uuid)
    {
        uuid = null;
        Libc.FilesystemUuid general = default;
        if (KernelTellsUuid)
        {
            int error = Ioctl(Libc.FS_IOC_GETFSUUID, &general);
            uuid = error == 0 ? new Guid(new ReadOnlySpan<byte>(general.uuid, 16), bigEndian: true) : null;
            return error is 0 or NotForThis;
        }

        // An older kernel asks the server of a FUSE, which may answer as it likes, or never.
        return IsServed || TryGetUuidOfExt4(out uuid) || TryGetUuidOfBtrfs(out uuid);
    }

    /// <summary>
    /// The fs-verity digest of the file (FS_IOC_MEASURE_VERITY). A FUSE is not asked: its server would answer, and the
    /// kernel's IMA takes no such file for one that has a digest (fsverity_get_digest).
    /// </summary>
    /// <param name="algorithm">FS_VERITY_HASH_ALG_*: 1 is SHA-256, 2 SHA-512.</param>
    /// <returns>
    /// Its length, or minus the errno. ENODATA: it has none; ENOTTY, EOPNOTSUPP: its filesystem, or the kernel, knows
    /// none; EOVERFLOW: there is not room enough.
    /// </returns>
    public int MeasureVerity(Span<byte> digest, out ushort algorithm)
    {
        algorithm = 0;
        if (IsServed)
        {
            return NotForThis;
        }

        Libc.VerityDigest raw;
        raw.digest_size = (ushort)Math.Min(digest.Length, Libc.VerityDigest.Room);
        int error = Ioctl(Libc.FS_IOC_MEASURE_VERITY, &raw);
        if (error < 0)
        {
            return error;
        }

        algorithm = raw.digest_algorithm;
        new ReadOnlySpan<byte>(raw.digest, raw.digest_size).CopyTo(digest);
        return raw.digest_size;
    }

    /// <summary>Would somebody's process answer? 0: a server has refused to say what its filesystem is.</summary>
    bool IsServed => FilesystemMagic is FuseMagic or 0;

    /// <summary>EXT4_IOC_GETFSUUID, Linux 6.0.</summary>
    internal bool TryGetUuidOfExt4(out Guid? uuid)
    {
        var raw = new Libc.Ext4Uuid { fsu_len = 16 };
        bool isTold = Ioctl(Libc.EXT4_IOC_GETFSUUID, &raw) == 0;
        uuid = isTold ? new Guid(new ReadOnlySpan<byte>(raw.fsu_uuid, 16), bigEndian: true) : null;
        return isTold;
    }

    /// <summary>BTRFS_IOC_FS_INFO.</summary>
    internal bool TryGetUuidOfBtrfs(out Guid? uuid)
    {
        Libc.BtrfsInfo raw;
        bool isTold = Ioctl(Libc.BTRFS_IOC_FS_INFO, &raw) == 0;
        uuid = isTold ? new Guid(new ReadOnlySpan<byte>(raw.fsid, 16), bigEndian: true) : null;
        return isTold;
    }

    /// <returns>0, or minus the errno.</returns>
    int Ioctl(nuint request, void* argument) =>
        Libc.ioctl(_fd, request, argument) < 0 ? -Marshal.GetLastPInvokeError() : 0;
}
