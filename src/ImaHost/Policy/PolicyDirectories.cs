using ImaHost.Interop;

namespace ImaHost.Policy;

/// <summary>
/// Directories of files of rules, under the rules that systemd has for drop-ins: a file takes the place of one of the
/// same name in an earlier directory, a link to /dev/null masks it, and all are read in the order of their names.
/// </summary>
static class PolicyDirectories
{
    const int NoSuchFile = 2; // ENOENT
    const string Null = "/dev/null";

    static readonly string[] Endings = [".yaml", ".ima"];

    /// <summary>Those of packages, of this boot and of the administrator, who has the last word.</summary>
    public static IReadOnlyList<string> Standard { get; } =
        ["/usr/lib/ima/policy.d", "/run/imahost/policy.d", "/etc/ima/policy.d"];

    /// <summary>The files that are in force, in the order in which they are read.</summary>
    /// <param name="directories">Later ones override. One that is missing has no files.</param>
    /// <exception cref="PolicyException">A directory cannot be read, or a link leads nowhere.</exception>
    public static IReadOnlyList<string> FilesIn(IReadOnlyList<string> directories)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in directories.Where(Exists).SelectMany(List))
        {
            files[Path.GetFileName(path)] = path;
        }

        return [.. files.Values.Where(path => !IsMasked(path))];
    }

    /// <summary>Neither hidden files nor what editors leave behind: ".x.yaml.swp", "x.yaml~".</summary>
    static bool IsTaken(string path) => Path.GetFileName(path) is var name && !name.StartsWith('.')
        && Endings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Asked of open(2), which tells missing from unreadable.</summary>
    static bool Exists(string directory)
    {
        try
        {
            HeldFile.Open(directory).Dispose();
            return true;
        }
        catch (ErrnoException e) when (e.Errno == NoSuchFile && new FileInfo(directory).LinkTarget == null)
        {
            return false;
        }
        catch (ErrnoException e)
        {
            throw new PolicyException(new PolicyPlace(directory), ErrnoException.Describe(e.Errno));
        }
    }

    static string[] List(string directory)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory).Where(IsTaken)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PolicyException(new PolicyPlace(directory), e.Message);
        }
    }

    /// <summary>However many links lead to /dev/null. The device itself under another name is none.</summary>
    static bool IsMasked(string path)
    {
        if (new FileInfo(path).LinkTarget is not { } target)
        {
            return false;
        }

        if (!FileStat.TryOfPath(path, out FileStat end))
        {
            throw new PolicyException(
                new PolicyPlace(path),
                $"is a link to {target}, where no file is: mend it, or link it to {Null} to mask it");
        }

        return FileStat.TryOfPath(Null, out FileStat device)
            && (end.DeviceMajor, end.DeviceMinor, end.Inode) == (device.DeviceMajor, device.DeviceMinor, device.Inode);
    }
}
