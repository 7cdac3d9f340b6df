using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>What is wrong with an installed file.</summary>
enum FileFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It is not there.</summary>
    Missing,

    /// <summary>Its content is not what the package brought.</summary>
    Changed,

    /// <summary>It is a configuration file that was changed, as its administrator may.</summary>
    ChangedConffile,

    /// <summary>Something else is in its place, such as a link.</summary>
    NotRegular,

    /// <summary>It is not root's, or others may write it.</summary>
    NotRoots,

    /// <summary>The database has no digest of it.</summary>
    NoDigest,

    /// <summary>It cannot be read.</summary>
    Unreadable,

    /// <summary>Its signature in the header does not vouch for it.</summary>
    BadSignature,
}

/// <summary>A file that was not recorded.</summary>
/// <param name="Detail">More than the fault says; null: nothing.</param>
sealed record FileProblem(FileFault Fault, string Path, string? Detail = null);

/// <summary>Compares files of a root directory with the digests that a package database has. For one thread at a time.</summary>
sealed class InstalledFiles(RootDirectory root, ContentHasher hasher)
{
    const int NoEntry = -2; // ENOENT
    const int NotADirectory = -20; // ENOTDIR
    const int WritableByOthers = 0x12; // S_IWGRP | S_IWOTH

    /// <summary>The SHA-256 of a file that has the digest it should have, in one reading.</summary>
    /// <param name="algorithm">Of that digest: "md5".</param>
    /// <param name="digest">Hexadecimal; null: there is none to compare with.</param>
    /// <param name="sha256">Empty when there is a fault.</param>
    public FileFault Verify(string path, string algorithm, string? digest, out string sha256)
    {
        sha256 = "";
        FileFault fault = Look(path);
        if (fault != FileFault.None)
        {
            return fault;
        }

        int error = root.Open(ByteText.Path(path), out HeldFile file);
        using (file)
        {
            return error < 0 ? FileFault.Unreadable : VerifyOpened(file, algorithm, digest, out sha256);
        }
    }

    /// <summary>Whether a path is a file of root's, without opening it.</summary>
    public FileFault Look(string path)
    {
        int error = root.Stat(ByteText.Path(path), out FileStat stat);
        return error is NoEntry or NotADirectory ? FileFault.Missing
            : error < 0 ? FileFault.Unreadable
            : Judge(stat);
    }

    FileFault VerifyOpened(HeldFile file, string algorithm, string? digest, out string sha256)
    {
        // What was opened is what is judged: it may be another file by now.
        sha256 = "";
        if (!file.TryStat(out FileStat stat, out _) || Judge(stat) != FileFault.None)
        {
            return FileFault.NotRoots;
        }

        if (hasher.Hash(file, algorithm, out string found, out string other) < 0)
        {
            return FileFault.Unreadable;
        }

        bool matches = digest == null || string.Equals(other, digest, StringComparison.OrdinalIgnoreCase);
        sha256 = matches ? found : "";
        return matches ? FileFault.None : FileFault.Changed;
    }

    static FileFault Judge(in FileStat stat) =>
        !stat.IsRegular ? FileFault.NotRegular
        : stat.Uid != 0 || (stat.Mode & WritableByOthers) != 0 ? FileFault.NotRoots
        : FileFault.None;
}
