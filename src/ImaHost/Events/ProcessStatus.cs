using System.Buffers.Text;

namespace ImaHost.Events;

/// <summary>The text of /proc/PID/status (proc_pid_status(5)).</summary>
/// <param name="text">It may be cut off at its end: a line that is not whole does not count.</param>
readonly ref struct ProcessStatus(ReadOnlySpan<byte> text)
{
    readonly ReadOnlySpan<byte> _text = text;

    /// <summary>The name (comm), with a newline in it written \n by the kernel; empty: it is not there.</summary>
    public ReadOnlySpan<byte> Name =>
        // The first line: what the name contains cannot stand before it.
        _text.StartsWith("Name:\t"u8) && _text.IndexOf((byte)'\n') is > 0 and int end ? _text[6..end] : default;

    /// <summary>The real, effective and saved id, of the users or of the groups.</summary>
    /// <param name="key">"\nUid:"u8 or "\nGid:"u8.</param>
    public bool TryReadIds(ReadOnlySpan<byte> key, out (uint Real, uint Effective, uint Saved) ids)
    {
        ids = default;
        return TryFind(key, out ReadOnlySpan<byte> line)
            && TryTakeNumber(ref line, out ids.Real)
            && TryTakeNumber(ref line, out ids.Effective)
            && TryTakeNumber(ref line, out ids.Saved);
    }

    /// <summary>The effective capabilities, a bit for each (capabilities(7)): within its own user namespace.</summary>
    public bool TryReadCapabilities(out ulong effective)
    {
        effective = 0;
        return TryFind("\nCapEff:"u8, out ReadOnlySpan<byte> digits)
            && Utf8Parser.TryParse(digits, out effective, out int used, 'x')
            && used == digits.Length;
    }

    bool TryFind(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        value = default;
        int at = _text.IndexOf(key);
        if (at < 0)
        {
            return false;
        }

        value = _text[(at + key.Length)..];
        int end = value.IndexOf((byte)'\n');
        value = end < 0 ? default : value[..end].Trim("\t "u8);
        return end >= 0;
    }

    static bool TryTakeNumber(ref ReadOnlySpan<byte> line, out uint number)
    {
        line = line.TrimStart("\t "u8);
        bool isNumber = Utf8Parser.TryParse(line, out number, out int used);
        line = line[used..];
        return isNumber;
    }
}
