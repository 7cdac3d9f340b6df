using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>What an entry of a directory is (d_type of getdents64(2)).</summary>
public enum DirectoryEntry
{
    /// <summary>The filesystem does not say: it must be looked at.</summary>
    Unknown,
    /// <summary>A regular file.</summary>
    Regular,
    /// <summary>A directory.</summary>
    Directory,
    /// <summary>A symbolic link.</summary>
    Link,
    /// <summary>A device, a FIFO or a socket.</summary>
    Other,
}

/// <summary>
/// An open directory, whose entries are read a few at a time and reached by their names. Names are bytes, with a NUL at
/// their end: no text is made of them, so any name there can be is taken. Entries are reached from the directory and not
/// by a path, which may be longer than the kernel takes, and which somebody may redirect meanwhile.
/// </summary>
public sealed unsafe class OpenDirectory : IDisposable
{
    /// <summary>Some hundred names. One of these is kept for each level of a tree.</summary>
    const int BufferSize = 8192;
    const int LengthOffset = 16; // d_reclen of linux_dirent64 (getdents64(2))
    const int TypeOffset = 18; // d_type
    const int NameOffset = 19; // d_name

    int _fd;
    byte[] _buffer = [];
    int _at;
    int _end;

    OpenDirectory(int fd) => _fd = fd;

    internal int Descriptor => _fd;

    /// <summary>Opens a directory by a path; links are followed.</summary>
    /// <param name="path">With a NUL.</param>
    /// <param name="error">Minus the errno when null is returned: ENOTDIR of whatever is no directory, which is not opened.</param>
    public static OpenDirectory? TryOpen(ReadOnlySpan<byte> path, out int error) => TryOpen(Libc.AT_FDCWD, path, 0, out error);

    /// <summary>Opens a directory in this one; a link is refused (ELOOP, ENOTDIR).</summary>
    /// <inheritdoc cref="TryOpen(ReadOnlySpan{byte}, out int)"/>
    public OpenDirectory? TryOpenBelow(ReadOnlySpan<byte> name, out int error) =>
        TryOpen(_fd, name, Libc.O_NOFOLLOW, out error);

    /// <summary>Takes the next entry, other than "." and "..".</summary>
    /// <param name="name">With a NUL.</param>
    /// <returns>1; 0 at the end; or minus the errno.</returns>
    public int Next(out byte[] name, out DirectoryEntry kind)
    {
        for (;;)
        {
            name = [];
            kind = DirectoryEntry.Unknown;
            if (_at >= _end && Fill() is <= 0 and int ended)
            {
                return ended;
            }

            ReadOnlySpan<byte> entry = _buffer.AsSpan(_at, MemoryMarshal.Read<ushort>(_buffer.AsSpan(_at + LengthOffset)));
            _at += entry.Length;
            ReadOnlySpan<byte> found = entry[NameOffset..];
            found = found[..(found.IndexOf((byte)0) + 1)];
            if (!found.SequenceEqual(".\0"u8) && !found.SequenceEqual("..\0"u8))
            {
                name = found.ToArray();
                kind = KindOf(entry[TypeOffset]);
                return 1;
            }
        }
    }

    /// <summary>statx(2) of the directory itself.</summary>
    public bool TryStat(out FileStat stat, out int error) => HeldFile.TryStat(_fd, out stat, out error);

    /// <summary>statx(2) of an entry. Links are not followed and nothing is mounted; nothing is opened.</summary>
    public bool TryStatEntry(ReadOnlySpan<byte> name, out FileStat stat, out int error)
    {
        fixed (byte* entry = name)
        {
            return FileStat.TryRead(
                _fd, entry, Libc.AT_SYMLINK_NOFOLLOW | Libc.AT_NO_AUTOMOUNT, out stat, out error);
        }
    }

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        Descriptors.Close(_fd);
        _fd = -1;
    }

    static OpenDirectory? TryOpen(int directory, ReadOnlySpan<byte> path, int flags, out int error)
    {
        fixed (byte* name = path)
        {
            int fd = Libc.openat(directory, name, Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC | flags, 0);
            error = fd < 0 ? -Marshal.GetLastPInvokeError() : 0;
            return fd < 0 ? null : new OpenDirectory(fd);
        }
    }

    /// <returns>How many bytes of entries there are now; 0 at the end; or minus the errno.</returns>
    int Fill()
    {
        if (_buffer.Length == 0)
        {
            _buffer = new byte[BufferSize];
        }

        fixed (byte* into = _buffer)
        {
            nint got = Libc.getdents64(_fd, into, (nuint)_buffer.Length);
            (_at, _end) = (0, (int)Math.Max(got, 0));
            return got < 0 ? -Marshal.GetLastPInvokeError() : _end;
        }
    }

    /// <summary>DT_DIR, DT_REG, DT_LNK of readdir(3).</summary>
    static DirectoryEntry KindOf(byte type) => type switch
    {
        0 => DirectoryEntry.Unknown,
        4 => DirectoryEntry.Directory,
        8 => DirectoryEntry.Regular,
        10 => DirectoryEntry.Link,
        _ => DirectoryEntry.Other,
    };
}
