using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;

namespace ImaHost.Learning;

/// <summary>What became of a file since it was listed.</summary>
enum DiskState
{
    /// <summary>It has the digest that was listed.</summary>
    Same,
    /// <summary>It has another one.</summary>
    Changed,
    /// <summary>There is no such file.</summary>
    Gone,
    /// <summary>It cannot be read.</summary>
    Unreadable,
}

/// <summary>A file as it lies on disk now.</summary>
/// <param name="Now">Its digest; nothing when it is gone or cannot be read.</param>
/// <param name="IsExposed">Somebody besides root may write it, or decide that he may.</param>
readonly record struct DiskFile(DiskState State, Digest Now = default, bool IsExposed = false)
{
    const int OthersWrite = 0x2; // S_IWOTH, inode(7)
    const int GroupWrite = 0x10; // S_IWGRP
    const int NoEntry = -2; // ENOENT, errno(3)
    const int NotDirectory = -20; // ENOTDIR

    /// <summary>Compares a file with what was listed.</summary>
    public static DiskFile Look(BytePath path, in Digest listed, FileHasher hasher)
    {
        using FileLook look = FileLook.At([.. path.Bytes, 0]);
        if (look.Error != 0 || !look.Stat.IsRegular)
        {
            return new DiskFile(look.Error is 0 or NoEntry or NotDirectory ? DiskState.Gone : DiskState.Unreadable);
        }

        FileStat stat = look.Stat;
        using HeldFile? open = look.TryOpen(out _);
        if (open == null || hasher.Hash(open, stat.Size, listed.Algorithm, goOn: null, out Digest now) < 0)
        {
            return new DiskFile(DiskState.Unreadable, IsExposed: IsOpenToOthers(in stat));
        }

        bool isSame = now.Bytes.SequenceEqual(listed.Bytes);
        return new DiskFile(isSame ? DiskState.Same : DiskState.Changed, now, IsOpenToOthers(in stat));
    }

    static bool IsOpenToOthers(in FileStat stat) =>
        stat.Uid != 0 || (stat.Mode & OthersWrite) != 0 || ((stat.Mode & GroupWrite) != 0 && stat.Gid != 0);
}
