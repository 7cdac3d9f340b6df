using System.Runtime.InteropServices;

namespace ImaHost.Interop;

/// <summary>enum fuse_opcode of include/uapi/linux/fuse.h, as far as it is answered.</summary>
public enum FuseOpcode : uint
{
    /// <summary>Finds a name in a directory.</summary>
    Lookup = 1,
    /// <summary>The kernel forgets a node. No answer.</summary>
    Forget = 2,
    /// <summary>stat(2).</summary>
    GetAttr = 3,
    /// <summary>truncate(2), chmod(2), utimes(2) …</summary>
    SetAttr = 4,
    /// <summary>Makes a symbolic link.</summary>
    Symlink = 6,
    /// <summary>Makes a node.</summary>
    MkNod = 8,
    /// <summary>Makes a directory.</summary>
    MkDir = 9,
    /// <summary>Removes a name.</summary>
    Unlink = 10,
    /// <summary>Removes a directory.</summary>
    RmDir = 11,
    /// <summary>rename(2).</summary>
    Rename = 12,
    /// <summary>link(2).</summary>
    Link = 13,
    /// <summary>open(2).</summary>
    Open = 14,
    /// <summary>read(2).</summary>
    Read = 15,
    /// <summary>write(2).</summary>
    Write = 16,
    /// <summary>statfs(2).</summary>
    StatFs = 17,
    /// <summary>The last reference to a handle is gone.</summary>
    Release = 18,
    /// <summary>close(2) of any descriptor of a handle.</summary>
    Flush = 25,
    /// <summary>opendir(3).</summary>
    OpenDir = 27,
    /// <summary>readdir(3).</summary>
    ReadDir = 28,
    /// <summary>closedir(3).</summary>
    ReleaseDir = 29,
    /// <summary>open(2) with O_CREAT.</summary>
    Create = 35,
    /// <summary>A signal for a pending request. No answer.</summary>
    Interrupt = 36,
    /// <summary>Several forgets. No answer.</summary>
    BatchForget = 42,
    /// <summary>renameat2(2).</summary>
    Rename2 = 45,
}

/// <summary>struct fuse_in_header.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseInHeader
{
    /// <summary>Bytes of the request, this header included.</summary>
    public uint Length;
    /// <summary>What is asked.</summary>
    public FuseOpcode Opcode;
    /// <summary>The request's name; 0 in the slot: none is pending.</summary>
    public ulong Unique;
    /// <summary>The file it is about, 1 for the root.</summary>
    public ulong NodeId;
    /// <summary>The caller's fsuid.</summary>
    public uint Uid;
    /// <summary>The caller's fsgid.</summary>
    public uint Gid;
    /// <summary>The caller.</summary>
    public uint Pid;
    readonly uint _padding;
}

[StructLayout(LayoutKind.Sequential)]
struct FuseOutHeader
{
    public uint Length;
    public int Error;
    public ulong Unique;
}

/// <summary>struct fuse_attr (7.31).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseAttr
{
    /// <summary>Inode number.</summary>
    public ulong Ino;
    /// <summary>Bytes.</summary>
    public ulong Size;
    /// <summary>Blocks of 512 bytes.</summary>
    public ulong Blocks;
    /// <summary>Access time, seconds.</summary>
    public ulong Atime;
    /// <summary>Modification time, seconds.</summary>
    public ulong Mtime;
    /// <summary>Change time, seconds.</summary>
    public ulong Ctime;
    readonly uint _atimeNsec;
    readonly uint _mtimeNsec;
    readonly uint _ctimeNsec;
    /// <summary>Type and permissions.</summary>
    public uint Mode;
    /// <summary>Links.</summary>
    public uint Nlink;
    /// <summary>Owner.</summary>
    public uint Uid;
    /// <summary>Group.</summary>
    public uint Gid;
    readonly uint _rdev;
    /// <summary>Preferred read size, bytes.</summary>
    public uint BlockSize;
    readonly uint _flags;
}

/// <summary>struct fuse_entry_out: the answer to a lookup.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseEntryOut
{
    /// <summary>The node found.</summary>
    public ulong NodeId;
    readonly ulong _generation;
    /// <summary>Seconds the name may be cached.</summary>
    public ulong EntryValid;
    /// <summary>Seconds the attributes may be cached.</summary>
    public ulong AttrValid;
    readonly uint _entryValidNsec;
    readonly uint _attrValidNsec;
    /// <summary>Its attributes.</summary>
    public FuseAttr Attr;
}

/// <summary>struct fuse_attr_out: the answer to a stat.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseAttrOut
{
    /// <summary>Seconds the attributes may be cached.</summary>
    public ulong AttrValid;
    readonly uint _attrValidNsec;
    readonly uint _dummy;
    /// <summary>The attributes.</summary>
    public FuseAttr Attr;
}

/// <summary>The head of struct fuse_setattr_in.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseSetAttrIn
{
    /// <summary>FATTR_SIZE.</summary>
    public const uint SizeValid = 1 << 3;

    /// <summary>FATTR_*: which fields hold.</summary>
    public uint Valid;
    readonly uint _padding;
    /// <summary>The handle, when one is given.</summary>
    public ulong Handle;
    /// <summary>The length asked for, bytes.</summary>
    public ulong Size;
}

/// <summary>struct fuse_open_in.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseOpenIn
{
    /// <summary>open(2)'s flags.</summary>
    public uint Flags;
    readonly uint _openFlags;
}

/// <summary>struct fuse_open_out.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseOpenOut
{
    /// <summary>FOPEN_DIRECT_IO: the page cache stays out of it.</summary>
    public const uint DirectIo = 1 << 0;
    /// <summary>FOPEN_NOFLUSH: close(2) does not wait for us.</summary>
    public const uint NoFlush = 1 << 5;

    /// <summary>The handle's number.</summary>
    public ulong Handle;
    /// <summary>FOPEN_*.</summary>
    public uint OpenFlags;
    readonly uint _padding;
}

/// <summary>The head of struct fuse_read_in and fuse_write_in.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseIoIn
{
    /// <summary>Bytes of struct fuse_write_in, behind which the data lie.</summary>
    public const int WriteHeader = 40;

    /// <summary>The handle.</summary>
    public ulong Handle;
    /// <summary>Bytes from the start of the file.</summary>
    public ulong Offset;
    /// <summary>Bytes wanted or given.</summary>
    public uint Size;
}

/// <summary>struct fuse_write_out.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseWriteOut
{
    /// <summary>Bytes taken.</summary>
    public uint Size;
    readonly uint _padding;
}

/// <summary>struct fuse_release_in and fuse_flush_in: only the handle is read.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FuseHandleIn
{
    /// <summary>The handle.</summary>
    public ulong Handle;
}

/// <summary>struct fuse_kstatfs.</summary>
[StructLayout(LayoutKind.Sequential, Size = 80)]
public struct FuseStatFs
{
    readonly ulong _blocks;
    readonly ulong _free;
    readonly ulong _available;
    /// <summary>Files there are.</summary>
    public ulong Files;
    readonly ulong _filesFree;
    /// <summary>Block size, bytes.</summary>
    public uint BlockSize;
    /// <summary>Longest name, bytes.</summary>
    public uint NameLength;
}
