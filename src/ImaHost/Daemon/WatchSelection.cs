using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>
/// What the entries of `watch:` name. A path is the filesystem that holds it, when the service starts. The others stand
/// for what is mounted now or later: "type:ext4", "mount:/media/**", "all".
/// </summary>
sealed class WatchSelection
{
    /// <summary>The forms of an entry, for messages.</summary>
    public const string Forms = "an absolute path, type:NAME, mount:GLOB or all";

    const string All = "all";
    const string TypePrefix = "type:";
    const string MountPrefix = "mount:";

    readonly List<string> _types = [];
    readonly List<(PathGlob Glob, bool IsExact)> _points = [];
    bool _all;

    /// <exception cref="FormatException">An entry is not understood.</exception>
    public WatchSelection(IEnumerable<string> entries)
    {
        foreach (string entry in entries)
        {
            Add(entry);
        }
    }

    /// <summary>The entries that are paths.</summary>
    public List<string> Paths { get; } = [];

    /// <summary>The entries that stand for mounts that come and go.</summary>
    public List<string> Selectors { get; } = [];

    /// <summary>
    /// Is a filesystem to be watched because it is mounted like this? What a server answers for, by the network or by
    /// FUSE, must be named by its type or its very mount point: the server may itself wait for us.
    /// </summary>
    /// <param name="byPlace">May it be named by its mount point?</param>
    public bool Matches(Mount mount, bool byPlace = true)
    {
        if (FilesystemTypes.IsOurs(mount.Type))
        {
            return false;
        }

        bool isServed = FilesystemTypes.IsServed(mount.Type);
        return _types.Contains(mount.Type)
            || (_all && !isServed && !FilesystemTypes.IsPseudo(mount.Type))
            || (byPlace && _points.Any(point => (point.IsExact || !isServed) && point.Glob.Matches(mount.Point)));
    }

    void Add(string entry)
    {
        if (entry == All)
        {
            _all = true;
        }
        else if (entry.StartsWith(TypePrefix, StringComparison.Ordinal))
        {
            _types.Add(ParseType(entry));
        }
        else if (entry.StartsWith(MountPrefix, StringComparison.Ordinal))
        {
            _points.Add(ParsePoint(entry));
        }
        else
        {
            Paths.Add(entry);
            return;
        }

        Selectors.Add(entry);
    }

    static string ParseType(string entry)
    {
        string type = entry[TypePrefix.Length..];
        bool isName = type.Length > 0 && type.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-');
        return isName && !FilesystemTypes.IsOurs(type)
            ? type
            : throw new FormatException($"\"{entry}\" names no type of filesystem that can be watched: as in type:ext4");
    }

    static (PathGlob Glob, bool IsExact) ParsePoint(string entry)
    {
        string point = entry[MountPrefix.Length..];
        if (point.Length > 1)
        {
            point = point.TrimEnd('/');
        }

        return point.StartsWith('/') || point.StartsWith("**", StringComparison.Ordinal)
            ? (PathGlob.Parse(point), point.AsSpan().IndexOfAny("*?[\\") < 0)
            : throw new FormatException($"\"{entry}\" names no mount points: a path is expected, as in mount:/media/**");
    }
}

/// <summary>Kinds of filesystems, by the names that mountinfo shows.</summary>
static class FilesystemTypes
{
    /// <summary>The kernel's own, which store no files: nothing that can be run lies there.</summary>
    static readonly HashSet<string> Pseudo = new(StringComparer.Ordinal)
    {
        "anon_inodefs", "apparmorfs", "autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs",
        "cpuset", "debugfs", "devpts", "devtmpfs", "dmabuf", "efivarfs", "functionfs", "fusectl", "gadgetfs", "mqueue",
        "nfsd", "nsfs", "nullfs", "openpromfs", "pidfs", "pipefs", "proc", "pstore", "resctrl", "rpc_pipefs", "s390_hypfs",
        "secretmem", "securityfs", "selinuxfs", "smackfs", "sockfs", "sysfs", "tracefs", "xenfs",
    };

    /// <summary>A server answers for these. FUSE has a name for each server, "fuse.sshfs".</summary>
    static readonly HashSet<string> Served = new(StringComparer.Ordinal)
    {
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "fuseblk", "gfs", "gfs2", "glusterfs", "gpfs",
        "lustre", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf",
        "virtiofs", "vmhgfs",
    };

    public static bool IsPseudo(string type) => Pseudo.Contains(type);

    public static bool IsServed(string type) => Served.Contains(type) || type.StartsWith("fuse.", StringComparison.Ordinal);

    /// <summary>Where a host publishes its list (native/publish.c): watching it would wait for itself.</summary>
    public static bool IsOurs(string type) => type == "fuse.imahost";
}
