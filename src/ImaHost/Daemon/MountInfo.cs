using ImaHost.Events;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Daemon;

/// <summary>One line of mountinfo (proc_pid_mountinfo(5)), as far as it matters here.</summary>
/// <param name="Id">Of the mount; given out again when it is gone.</param>
/// <param name="Device">Of the filesystem (s_dev). The files of some, btrfs for one, show others.</param>
/// <param name="Type">With its subtype: "ext4", "fuse.sshfs".</param>
/// <param name="Point">Where it is mounted, as seen from the root directory of the process that was asked.</param>
sealed record Mount(ulong Id, DeviceNumber Device, string Type, byte[] Point)
{
    /// <summary>The mount point for a line of log.</summary>
    public string Place => EntryName.ToText(Point);

    /// <summary>Does another look show the same mount in the same place?</summary>
    public bool IsSame(Mount other) => other.Id == Id && other.Device == Device && other.Type == Type
        && other.Point.AsSpan().SequenceEqual(Point);
}

/// <summary>Reads mountinfo as a whole.</summary>
static class MountInfo
{
    /// <summary>All mounts, in the order of the text. A line that is not understood is left out.</summary>
    public static List<Mount> Parse(ReadOnlySpan<byte> text)
    {
        var mounts = new List<Mount>();
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            if (ParseLine(line) is { } mount)
            {
                mounts.Add(mount);
            }
        }

        return mounts;
    }

    static Mount? ParseLine(ReadOnlySpan<byte> line) =>
        MountInfoLine.TryParse(line, out MountInfoLine mount) && mount.MountPoint is [(byte)'/', ..] && !mount.Type.IsEmpty
            ? new Mount(mount.MountId, mount.Device, MountInfoLine.ToText(mount.Type), Unescape(mount.MountPoint))
            : null;

    static byte[] Unescape(ReadOnlySpan<byte> word)
    {
        byte[] plain = new byte[word.Length];
        return plain[..MountInfoLine.Unescape(word, plain)];
    }
}
