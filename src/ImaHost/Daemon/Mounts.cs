using ImaHost.Events;
using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>Where filesystems are mounted (proc_pid_mountinfo(5)).</summary>
static class Mounts
{
    const int MountPointField = 4;

    /// <summary>The mount point of the filesystem that holds a path.</summary>
    public static string PointOf(string path)
    {
        string full = Path.GetFullPath(path);
        return File.ReadLines("/proc/self/mountinfo")
            .Select(line => Unescape(line.Split(' ')[MountPointField]))
            .Where(point => point == "/" || full == point || full.StartsWith(point + "/", StringComparison.Ordinal))
            .MaxBy(point => point.Length) ?? "/";
    }

    /// <summary>The filesystem that is mounted at a place, or null.</summary>
    public static DeviceNumber? DeviceAt(string point)
    {
        DeviceNumber? found = null;
        ReadOnlySpan<byte> text = File.ReadAllBytes("/proc/self/mountinfo");
        foreach (Range line in text.Split((byte)'\n'))
        {
            // What was mounted last lies on top.
            if (MountInfoLine.TryParse(text[line], out MountInfoLine mount) && MountInfoLine.ToText(mount.MountPoint) == point)
            {
                found = mount.Device;
            }
        }

        return found;
    }

    /// <summary>A watched path as a person needs to read it: the whole filesystem is watched.</summary>
    public static string Describe(string path)
    {
        string point = PointOf(path);
        return point == Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) || (point == "/" && path == "/")
            ? point
            : $"{point} (all of the filesystem that holds {path})";
    }

    /// <summary>Blanks and backslashes are written as three octal digits.</summary>
    static string Unescape(string text) => System.Text.RegularExpressions.Regex.Replace(
        text, @"\\([0-7]{3})", match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString());
}
