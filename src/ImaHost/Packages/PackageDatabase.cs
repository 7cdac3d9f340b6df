using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>How much of a package is there.</summary>
enum PackageState
{
    /// <summary>All of it, configured or not.</summary>
    Installed,

    /// <summary>Unpacking was interrupted: files of this version and of another may be there.</summary>
    Broken,

    /// <summary>It is removed; its configuration is left, and the scripts that will remove that.</summary>
    ConfigFiles,
}

/// <summary>A package that a database tells of.</summary>
sealed record InstalledPackage(PackageId Id, PackageState State);

/// <summary>What a package manager says is installed in one root directory.</summary>
abstract class PackageDatabase(string root)
{
    /// <summary>"dpkg" or "rpm".</summary>
    public abstract string Manager { get; }

    /// <summary>"/" or another root directory, without a slash at its end.</summary>
    public string Root { get; } = root;

    /// <summary>The files whose change tells that packages changed.</summary>
    protected abstract IEnumerable<string> Files { get; }

    /// <summary>The database of that manager.</summary>
    /// <returns>Null: there is no such manager.</returns>
    public static PackageDatabase? Of(string manager, string root) => manager switch
    {
        "dpkg" => new DpkgDatabase(root),
        "rpm" => new RpmDatabase(root),
        _ => null,
    };

    /// <summary>What is there now.</summary>
    /// <exception cref="PackageException">It cannot be read: nothing is known then, not that nothing is there.</exception>
    public abstract IReadOnlyList<InstalledPackage> Read();

    /// <summary>Do the database's own digests say that it is these contents of an installed package that were unpacked?</summary>
    /// <returns>False also where there are no digests that tell.</returns>
    public abstract bool HasInstalled(PackageList list);

    /// <summary>Differs from what it was when packages have changed. Costs a few calls of stat.</summary>
    public string Fingerprint() => string.Join(';', Files.Select(Describe));

    /// <summary>A path of that root.</summary>
    protected string In(string path) => Root == "/" ? path : Root + path;

    /// <summary>Who may write the database decides what is vouched for.</summary>
    protected static void MustBeRoots(string path)
    {
        const int writableByOthers = 0x12; // S_IWGRP | S_IWOTH
        if (!FileStat.TryOfPath(path, out FileStat stat))
        {
            throw new PackageException($"{path} is not there");
        }

        if (Environment.IsPrivilegedProcess && (stat.Uid != 0 || (stat.Mode & writableByOthers) != 0))
        {
            throw new PackageException($"{path} is not root's alone: what others can write vouches for nothing");
        }
    }

    static string Describe(string path) => FileStat.TryOfPath(path, out FileStat stat)
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"{stat.DeviceMajor}:{stat.DeviceMinor}:{stat.Inode}:{stat.Size}:{stat.Modified}:{stat.Changed}")
        : "-";
}
