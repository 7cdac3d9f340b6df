using System.Buffers.Text;
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

/// <summary>
/// Reads mountinfo: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue". Between the sixth
/// field and the "-" stand any number of optional ones.
/// </summary>
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

    static Mount? ParseLine(ReadOnlySpan<byte> line)
    {
        if (!TryNumber(Take(ref line), out ulong id))
        {
            return null;
        }

        _ = Take(ref line); // the parent
        ReadOnlySpan<byte> device = Take(ref line);
        _ = Take(ref line); // the root within the filesystem
        byte[] point = Unescape(Take(ref line));
        ReadOnlySpan<byte> field = Take(ref line); // the options of the mount
        while (!field.SequenceEqual("-"u8))
        {
            if (line.IsEmpty)
            {
                return null;
            }

            field = Take(ref line);
        }

        string type = System.Text.Encoding.UTF8.GetString(Unescape(Take(ref line)));
        return TryDevice(device, out DeviceNumber number) && point is [(byte)'/', ..] && type.Length > 0
            ? new Mount(id, number, type, point)
            : null;
    }

    static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> line)
    {
        int blank = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> field = blank < 0 ? line : line[..blank];
        line = blank < 0 ? default : line[(blank + 1)..];
        return field;
    }

    static bool TryDevice(ReadOnlySpan<byte> text, out DeviceNumber device)
    {
        int colon = text.IndexOf((byte)':');
        device = default;
        if (colon < 0 || !TryNumber(text[..colon], out ulong major) || !TryNumber(text[(colon + 1)..], out ulong minor))
        {
            return false;
        }

        device = new DeviceNumber((uint)major, (uint)minor);
        return true;
    }

    static bool TryNumber(ReadOnlySpan<byte> text, out ulong number) =>
        Utf8Parser.TryParse(text, out number, out int used) && used == text.Length;

    /// <summary>Blanks, tabs, newlines and backslashes are written as three octal digits (mangle() of the kernel).</summary>
    static byte[] Unescape(ReadOnlySpan<byte> text)
    {
        byte[] plain = new byte[text.Length];
        int length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            bool escaped = text[i] == '\\' && i + 3 < text.Length && IsOctal(text.Slice(i + 1, 3));
            plain[length++] = escaped
                ? (byte)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'))
                : text[i];
            i += escaped ? 3 : 0;
        }

        return plain[..length];
    }

    static bool IsOctal(ReadOnlySpan<byte> digits) => !digits.ContainsAnyExceptInRange((byte)'0', (byte)'7');
}
