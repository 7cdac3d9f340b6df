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

    /// <summary>Every filesystem that stores files.</summary>
    public const string All = "all";
    const string TypePrefix = "type:";
    const string MountPrefix = "mount:";

    readonly List<string> _types = [];
    readonly List<PathGlob> _points = [];
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

    /// <summary>The filesystems that the paths lie on, as they lead now.</summary>
    public IEnumerable<DeviceNumber> DevicesOfPaths(List<Mount> mounts) =>
        Paths.Select(path => Mounts.Of(path, mounts)).OfType<Mount>().Select(mount => mount.Device);

    /// <summary>
    /// Is a filesystem named because it is mounted like this? "all" is what stores files by itself: an overlay's lie in
    /// its layers.
    /// </summary>
    /// <param name="byPlace">May it be named by its mount point?</param>
    public bool Matches(Mount mount, bool byPlace = true) => !FilesystemTypes.IsOurs(mount.Type)
        && (_types.Contains(mount.Type)
            || (_all && !FilesystemTypes.IsPseudo(mount.Type) && FilesystemTypes.WhyNever(mount.Type) == null)
            || (byPlace && _points.Exists(point => point.Matches(mount.Point))));

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
        return !isName || FilesystemTypes.IsOurs(type)
            ? throw new FormatException($"\"{entry}\" names no type of filesystem that can be watched: as in type:ext4")
            : FilesystemTypes.WhyNever(type) is { } why
            ? throw new FormatException($"\"{entry}\" cannot be watched: {why}")
            : type;
    }

    static PathGlob ParsePoint(string entry)
    {
        string point = entry[MountPrefix.Length..];
        if (point.Length > 1)
        {
            point = point.TrimEnd('/');
        }

        return point.StartsWith('/') || point.StartsWith("**", StringComparison.Ordinal)
            ? PathGlob.Parse(point)
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

    /// <summary>An open of these opens a file of another filesystem.</summary>
    static readonly HashSet<string> Stacked = new(StringComparer.Ordinal)
    {
        "aufs", "ecryptfs", "overlay", "shiftfs", "unionfs",
    };

    /// <summary>Since this one an open within an overlay raises the events of its layers too.</summary>
    static readonly Version OverlayTells = new(6, 5);

    /// <summary>
    /// Why the guard must not mark such a filesystem while others are marked; null: it may. To read an event is to open
    /// its file, and while the guard waits in there nothing is answered.
    /// </summary>
    public static string? WhyNever(string type, Version? kernel = null) =>
        IsServed(type) ? "a server answers for it, and could stop the guard by not answering"
        : IsStacked(type, kernel) ? "what lies in it is seen in its layers, if their filesystems are watched"
        : null;

    /// <summary>Does an access raise events on the filesystems below too, on this kernel?</summary>
    public static bool IsStacked(string type, Version? kernel = null) =>
        Stacked.Contains(type) && (type != "overlay" || (kernel ?? Environment.OSVersion.Version) >= OverlayTells);

    public static bool IsPseudo(string type) => Pseudo.Contains(type);

    public static bool IsServed(string type) => Served.Contains(type) || type.StartsWith("fuse.", StringComparison.Ordinal);

    /// <summary>Where a host publishes its list (native/publish.c): watching it would wait for itself.</summary>
    public static bool IsOurs(string type) => type == "fuse.imahost";
}
