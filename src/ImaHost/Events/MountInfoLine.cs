using System.Buffers.Text;
using System.Text;
using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>
/// One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Its words are as they stand there: a blank, tab, newline,
/// backslash or # in them is written \ and three octal digits (mangle() of the kernel).
/// </summary>
readonly ref struct MountInfoLine
{
    /// <summary>What statx(2) calls STATX_MNT_ID of the files opened by this mount.</summary>
    public required ulong MountId { get; init; }

    /// <summary>Of the superblock; on btrfs, and in some overlays, files have others.</summary>
    public required DeviceNumber Device { get; init; }

    /// <summary>What of the filesystem is mounted: "/", or a part of it.</summary>
    public required ReadOnlySpan<byte> Root { get; init; }

    /// <summary>Where, as seen from the root of the process.</summary>
    public required ReadOnlySpan<byte> MountPoint { get; init; }

    /// <summary>"ext4"; with the subtype that its server has given it, "fuse.sshfs".</summary>
    public required ReadOnlySpan<byte> Type { get; init; }

    /// <summary>"/dev/vda1", or whatever whoever mounted it called it; may be empty.</summary>
    public required ReadOnlySpan<byte> Source { get; init; }

    /// <summary>Looks at what stands before the options of the filesystem, which may be cut off.</summary>
    /// <returns>False when it is no such line.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out MountInfoLine mount)
    {
        mount = default;
        if (!TryTakeNumber(ref line, (byte)' ', out ulong id)
            || !TryTakeNumber(ref line, (byte)' ', out _)
            || !TryTakeNumber(ref line, (byte)':', out ulong major)
            || !TryTakeNumber(ref line, (byte)' ', out ulong minor)
            || major > uint.MaxValue
            || minor > uint.MaxValue)
        {
            return false;
        }

        ReadOnlySpan<byte> root = TakeWord(ref line);
        ReadOnlySpan<byte> point = TakeWord(ref line);
        if (!TrySkipOptionalFields(ref line))
        {
            return false;
        }

        // The last word that is needed is whole only if something follows it.
        ReadOnlySpan<byte> type = TakeWord(ref line);
        if (root.IsEmpty || point.IsEmpty || type.IsEmpty || line.IndexOf((byte)' ') < 0)
        {
            return false;
        }

        mount = new MountInfoLine
        {
            MountId = id,
            Device = new DeviceNumber((uint)major, (uint)minor),
            Root = root,
            MountPoint = point,
            Type = type,
            Source = TakeWord(ref line),
        };
        return true;
    }

    /// <summary>A word with the characters that its octal digits stand for.</summary>
    public static string ToText(ReadOnlySpan<byte> word)
    {
        Span<byte> text = word.Length <= 256 ? stackalloc byte[256] : new byte[word.Length];
        return Encoding.UTF8.GetString(text[..Unescape(word, text)]);
    }

    /// <param name="into">As long as the word, which never grows by this.</param>
    /// <returns>How many bytes it has become.</returns>
    public static int Unescape(ReadOnlySpan<byte> word, Span<byte> into)
    {
        int length = 0;
        while (!word.IsEmpty)
        {
            int value = EscapedValue(word);
            into[length++] = value >= 0 ? (byte)value : word[0];
            word = word[(value >= 0 ? 4 : 1)..];
        }

        return length;
    }

    /// <summary>-1: no such character stands at its start.</summary>
    static int EscapedValue(ReadOnlySpan<byte> word)
    {
        if (word.Length < 4 || word[0] != '\\' || word[1] is < (byte)'0' or > (byte)'3')
        {
            return -1;
        }

        int value = 0;
        foreach (byte digit in word[1..4])
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return -1;
            }

            value = (value << 3) | (digit - '0');
        }

        return value;
    }

    /// <summary>The options of the mount, then words such as "shared:1", any number of them, and a hyphen.</summary>
    static bool TrySkipOptionalFields(scoped ref ReadOnlySpan<byte> line)
    {
        _ = TakeWord(ref line);
        while (!line.IsEmpty)
        {
            if (TakeWord(ref line).SequenceEqual("-"u8))
            {
                return true;
            }
        }

        return false;
    }

    static bool TryTakeNumber(scoped ref ReadOnlySpan<byte> line, byte until, out ulong number)
    {
        int end = line.IndexOf(until);
        bool isNumber = Utf8Parser.TryParse(line, out number, out int used) && used == end;
        line = line[(end + 1)..];
        return isNumber;
    }

    /// <summary>Words are parted by one blank each, so that one may be empty.</summary>
    static ReadOnlySpan<byte> TakeWord(scoped ref ReadOnlySpan<byte> line)
    {
        int end = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = end < 0 ? line : line[..end];
        line = end < 0 ? default : line[(end + 1)..];
        return word;
    }
}
