using System.Runtime.InteropServices;

namespace ImaHost.Interop.Native;

/// <summary>The C library's calls, under their own names. Each is described in its manual page.</summary>
/// <remarks>
/// Never with SuppressGCTransition: any of these may wait for the guard, and a collection must not wait for it.
/// </remarks>
static unsafe partial class Libc
{
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_NO_AUTOMOUNT = 0x800;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int AT_STATX_DONT_SYNC = 0x4000;
    public const ulong STATX_ATTR_IMMUTABLE = 0x10;
    public const ulong STATX_ATTR_APPEND = 0x20;
    public const uint STATX_TYPE = 1;
    public const uint STATX_BASIC_STATS = 0x7ff;
    public const uint STATX_MNT_ID = 0x1000;
    public const uint STATX_MNT_ID_UNIQUE = 0x4000;

    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_NONBLOCK = 0x800;
    public const int O_PATH = 0x200000;
    public static readonly int O_DIRECTORY = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 0x10000 : 0x4000;
    public static readonly int O_NOFOLLOW = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 0x20000 : 0x8000;
    public const int O_CLOEXEC = 0x80000;
    public const int O_ACCMODE = 3;

    public const nint SYS_openat2 = 437; // everywhere
    public const ulong RESOLVE_NO_MAGICLINKS = 0x02;
    public const ulong RESOLVE_IN_ROOT = 0x10;
    public const ulong RESOLVE_CACHED = 0x20;

    /// <summary>312 on x86-64; 272 where the calls have the general numbers (asm-generic/unistd.h).</summary>
    public static readonly nint SYS_kcmp = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 312 : 272;
    public const int KCMP_FILE = 0;

    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int EAGAIN = 11;
    public const int EBUSY = 16;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int EFBIG = 27;
    public const int ERANGE = 34;
    public const int ENOSYS = 38;
    public const int ENODATA = 61;

    public const int MSG_CMSG_CLOEXEC = 0x40000000;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int SHUT_RD = 0;

    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MAP_POPULATE = 0x8000;

    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLERR = 8;

    public const uint FS_IOC_GETFSUUID = 0x80111500;
    public const uint FS_IOC_MEASURE_VERITY = 0xc0046686;
    public const uint EXT4_IOC_GETFSUUID = 0x8008662c;
    public const uint BTRFS_IOC_FS_INFO = 0x8400941f;

    public const int PR_SET_DUMPABLE = 4;

    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;

    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public void* iov_base;
        public nuint iov_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* msg_name;
        public uint msg_namelen;
        public IoVector* msg_iov;
        public nuint msg_iovlen;
        public void* msg_control;
        public nuint msg_controllen;
        public int msg_flags;
    }

    /// <summary>A cmsghdr that carries one descriptor.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct DescriptorMessage
    {
        public nuint cmsg_len;
        public int cmsg_level;
        public int cmsg_type;
        public int fd;
        public int padding;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct OpenHow
    {
        public ulong flags;
        public ulong mode;
        public ulong resolve;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int fd;
        public short events;
        public short revents;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct StatxTimestamp
    {
        public long tv_sec;
        public uint tv_nsec;
        public int reserved;
    }

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct StatxBuffer
    {
        [FieldOffset(0)] public uint stx_mask;
        [FieldOffset(8)] public ulong stx_attributes;
        [FieldOffset(16)] public uint stx_nlink;
        [FieldOffset(20)] public uint stx_uid;
        [FieldOffset(24)] public uint stx_gid;
        [FieldOffset(28)] public ushort stx_mode;
        [FieldOffset(32)] public ulong stx_ino;
        [FieldOffset(40)] public ulong stx_size;
        [FieldOffset(96)] public StatxTimestamp stx_ctime;
        [FieldOffset(112)] public StatxTimestamp stx_mtime;
        [FieldOffset(128)] public uint stx_rdev_major;
        [FieldOffset(132)] public uint stx_rdev_minor;
        [FieldOffset(136)] public uint stx_dev_major;
        [FieldOffset(140)] public uint stx_dev_minor;
        [FieldOffset(144)] public ulong stx_mnt_id;
    }

    /// <summary>Only f_type is read; the rest is room for what the kernel fills in.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct StatfsBuffer
    {
        [FieldOffset(0)] public long f_type;
    }

    /// <summary>struct fsuuid2, include/uapi/linux/fs.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FilesystemUuid
    {
        public byte len;
        public fixed byte uuid[16];
    }

    /// <summary>struct fsuuid of ext4, include/uapi/linux/ext4.h, with room for one.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Ext4Uuid
    {
        public uint fsu_len;
        public uint fsu_flags;
        public fixed byte fsu_uuid[16];
    }

    /// <summary>struct btrfs_ioctl_fs_info_args, include/uapi/linux/btrfs.h: what is read of it.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 1024)]
    public struct BtrfsInfo
    {
        [FieldOffset(16)] public fixed byte fsid[16];
    }

    /// <summary>struct fsverity_digest, include/uapi/linux/fsverity.h, with room for the longest.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct VerityDigest
    {
        public const int Room = 64;
        public ushort digest_algorithm;
        public ushort digest_size;
        public fixed byte digest[Room];
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Passwd
    {
        public byte* pw_name;
        public byte* pw_passwd;
        public uint pw_uid;
        public uint pw_gid;
        public byte* pw_gecos;
        public byte* pw_dir;
        public byte* pw_shell;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Group
    {
        public byte* gr_name;
        public byte* gr_passwd;
        public uint gr_gid;
        public byte** gr_mem;
    }

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, void* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, void* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint pread(int fd, void* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint pwrite(int fd, void* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int open(byte* path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int openat(int dirfd, byte* path, int flags, uint mode);

    /// <summary>openat2(2), for which the C library has no function.</summary>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint openat2(nint number, nint dirfd, byte* path, OpenHow* how, nuint size);

    /// <summary>kcmp(2), for which the C library has no function.</summary>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint kcmp(nint number, nint pid1, nint pid2, nint type, nint idx1, nint idx2);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc")]
    public static partial int getppid();

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fdatasync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ftruncate(int fd, long length);

    /// <remarks>Returns the error number and leaves errno alone.</remarks>
    [LibraryImport("libc")]
    public static partial int posix_fallocate(int fd, long offset, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int rename(byte* from, byte* to);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int unlink(byte* path);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int flock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int statx(int dirfd, byte* path, int flags, uint mask, StatxBuffer* buffer);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fstatfs(int fd, StatfsBuffer* buffer);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint readlink(byte* path, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint readlinkat(int dirfd, byte* path, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint getdents64(int fd, void* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ioctl(int fd, nuint request, void* argument);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint fgetxattr(int fd, byte* name, void* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fsetxattr(int fd, byte* name, void* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendmsg(int fd, MessageHeader* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint send(int fd, void* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int shutdown(int fd, int how);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(PollEntry* fds, nuint count, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial void* mmap(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int execve(byte* path, byte** arguments, byte** environment);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int memfd_create(byte* name, uint flags);

    /// <remarks>struct sched_param is one int.</remarks>
    [LibraryImport("libc")]
    public static partial int sched_setscheduler(int task, int policy, int* parameters);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int prctl(int option, nuint first, nuint second, nuint third, nuint fourth);

    /// <remarks>This and the next three return the error number and leave errno alone.</remarks>
    [LibraryImport("libc")]
    public static partial int getpwnam_r(byte* name, Passwd* entry, byte* buffer, nuint size, Passwd** result);

    [LibraryImport("libc")]
    public static partial int getpwuid_r(uint uid, Passwd* entry, byte* buffer, nuint size, Passwd** result);

    [LibraryImport("libc")]
    public static partial int getgrnam_r(byte* name, Group* entry, byte* buffer, nuint size, Group** result);

    [LibraryImport("libc")]
    public static partial int getgrgid_r(uint gid, Group* entry, byte* buffer, nuint size, Group** result);

    [LibraryImport("libc")]
    public static partial byte* strerrorname_np(int errno);

    [LibraryImport("libc")]
    public static partial byte* strerror(int errno);
}
