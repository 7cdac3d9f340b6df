using System.Buffers.Text;

namespace ImaHost.Events;

/// <summary>One line of /proc/PID/maps (proc_pid_maps(5)).</summary>
readonly ref struct MapsLine
{
    /// <summary>Where it begins and ends, as in the names of /proc/PID/map_files: but those have no zeros before them.</summary>
    public required ReadOnlySpan<byte> Range { get; init; }

    /// <summary>It can be executed.</summary>
    public required bool IsExecutable { get; init; }

    /// <summary>Who keeps the file open by the mapping: a shared one that can be written through is a writer.</summary>
    public required Holders Holder { get; init; }

    public required uint DeviceMajor { get; init; }

    public required uint DeviceMinor { get; init; }

    /// <summary>0: no file is mapped.</summary>
    public required ulong Inode { get; init; }

    /// <summary>
    /// As seen from its mount namespace's root, or from ours; a newline in it is written \012, and " (deleted)" follows
    /// one that is unlinked.
    /// </summary>
    public required ReadOnlySpan<byte> Path { get; init; }

    /// <returns>False when it is no such line.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out MapsLine mapping)
    {
        mapping = default;
        ReadOnlySpan<byte> range = TakeWord(ref line, (byte)' ');
        ReadOnlySpan<byte> rights = TakeWord(ref line, (byte)' ');
        _ = TakeWord(ref line, (byte)' ');
        if (rights.Length != 4
            || !TryParseNumber(TakeWord(ref line, (byte)':'), 'x', out ulong major)
            || !TryParseNumber(TakeWord(ref line, (byte)' '), 'x', out ulong minor)
            || !TryParseNumber(TakeWord(ref line, (byte)' '), 'd', out ulong inode)
            || major > uint.MaxValue
            || minor > uint.MaxValue)
        {
            return false;
        }

        mapping = new MapsLine
        {
            Range = range,
            IsExecutable = rights[2] == 'x',
            Holder = rights[1] == 'w' && rights[3] == 's' ? Holders.Writer : Holders.Reader,
            DeviceMajor = (uint)major,
            DeviceMinor = (uint)minor,
            Inode = inode,
            Path = line.TrimStart((byte)' '),
        };
        return true;
    }

    /// <summary>The addresses where it begins and ends. False when they are none.</summary>
    public bool TryReadRange(out (ulong Start, ulong End) range)
    {
        ReadOnlySpan<byte> end = Range;
        ReadOnlySpan<byte> start = TakeWord(ref end, (byte)'-');
        range = default;
        return TryParseNumber(start, 'x', out range.Start) && TryParseNumber(end, 'x', out range.End);
    }

    static ReadOnlySpan<byte> TakeWord(scoped ref ReadOnlySpan<byte> line, byte until)
    {
        int end = line.IndexOf(until);
        ReadOnlySpan<byte> word = end < 0 ? line : line[..end];
        line = end < 0 ? default : line[(end + 1)..];
        return word;
    }

    static bool TryParseNumber(ReadOnlySpan<byte> digits, char format, out ulong number) =>
        Utf8Parser.TryParse(digits, out number, out int used, format) && used == digits.Length;
}
