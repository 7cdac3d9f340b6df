using ImaHost.Template;

namespace ImaHost.Events;

/// <summary>The text of /proc/PID/cgroup (cgroups(7)): a line "number:controllers:path" for each hierarchy.</summary>
static class CgroupText
{
    /// <summary>
    /// The path in the v2 hierarchy, whose number is 0; where there is none, the one in which systemd keeps its units.
    /// The kernel lets no newline into the name of a cgroup (cgroup_mkdir).
    /// </summary>
    /// <returns>False when it says neither.</returns>
    public static bool TryFind(ReadOnlySpan<byte> text, ByteBuilder path)
    {
        ReadOnlySpan<byte> found = default;
        for (int end = text.IndexOf((byte)'\n'); end >= 0; end = text.IndexOf((byte)'\n'))
        {
            ReadOnlySpan<byte> line = text[..end];
            text = text[(end + 1)..];
            if (line.StartsWith("0::/"u8))
            {
                found = line[3..];
                break;
            }

            ReadOnlySpan<byte> controllers = line[(line.IndexOf((byte)':') + 1)..];
            if (controllers.StartsWith("name=systemd:/"u8))
            {
                found = controllers[13..];
            }
        }

        path.Append(found);
        return !found.IsEmpty;
    }
}
