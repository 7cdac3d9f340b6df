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
            return new DiskFile(DiskState.Unreadable, IsExposed: stat.IsExposed);
        }

        bool isSame = now.Bytes.SequenceEqual(listed.Bytes);
        return new DiskFile(isSame ? DiskState.Same : DiskState.Changed, now, stat.IsExposed);
    }
}
