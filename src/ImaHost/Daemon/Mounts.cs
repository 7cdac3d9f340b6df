using System.Text;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>Where filesystems are mounted, as this process sees it.</summary>
static class Mounts
{
    /// <summary>All of them.</summary>
    public static List<Mount> Read() => MountInfo.Parse(File.ReadAllBytes("/proc/self/mountinfo"));

    /// <summary>The mount that holds a path, links followed; null when it cannot be told.</summary>
    public static Mount? Of(string path, IEnumerable<Mount> mounts) =>
        MountRoot.TryIdentify(Encoding.UTF8.GetBytes(path + '\0'), out MountIdentity identity)
            ? mounts.FirstOrDefault(mount => mount.Id == identity.Id)
            : null;

    /// <summary>A rule's mount points as they are now.</summary>
    public static ImaPolicy Resolve(ImaPolicy policy)
    {
        var mounts = new Lazy<List<Mount>>(Read);
        return policy.Resolve(point => DeviceAt(point, mounts.Value));
    }

    /// <summary>The filesystem that is mounted at a place, or null. What was mounted last lies on top.</summary>
    static DeviceNumber? DeviceAt(string point, List<Mount> mounts)
    {
        byte[] place = Encoding.UTF8.GetBytes(point);
        return mounts.FindLast(mount => mount.Point.AsSpan().SequenceEqual(place))?.Device;
    }

    /// <summary>A watched path as a person needs to read it: the whole filesystem is watched.</summary>
    public static string Describe(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string? point = Of(path, Read())?.Place;
        return point == null || point == full ? full : $"{point} (all of the filesystem that holds {path})";
    }
}
