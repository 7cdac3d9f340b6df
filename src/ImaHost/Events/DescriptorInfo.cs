using System.Buffers.Text;

namespace ImaHost.Events;

/// <summary>What /proc/PID/fdinfo/N says of a descriptor (proc_pid_fdinfo(5)).</summary>
/// <param name="Holder">None: it can neither read nor write, as one opened with O_PATH.</param>
/// <param name="Inode">Null before Linux 5.14, which does not say.</param>
readonly record struct DescriptorInfo(Holders Holder, ulong? Inode)
{
    const uint AccessModeMask = 3; // O_ACCMODE, fcntl.h
    const uint PathOnly = 0x200000; // O_PATH

    /// <summary>
    /// Reads the first lines, which are the kernel's; what a driver adds follows them, so the first match counts.
    /// </summary>
    /// <returns>False when there are no flags, or what stands there is no number.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out DescriptorInfo info)
    {
        info = default;
        if (!TryFind(text, "flags:"u8, out ReadOnlySpan<byte> digits) || !TryParseOctal(digits, out uint flags))
        {
            return false;
        }

        ulong? inode = null;
        if (TryFind(text, "ino:"u8, out digits))
        {
            if (!Utf8Parser.TryParse(digits, out ulong number, out int used) || used != digits.Length)
            {
                return false;
            }

            inode = number;
        }

        info = new DescriptorInfo(HolderOf(flags), inode);
        return true;
    }

    /// <summary>As i_readcount and i_writecount count: whoever may write is no reader.</summary>
    static Holders HolderOf(uint flags) => (flags & (PathOnly | AccessModeMask)) switch
    {
        0 => Holders.Reader,
        1 or 2 => Holders.Writer,
        _ => Holders.None, // O_PATH; 3, which is for ioctl(2) alone
    };

    /// <summary>The value on the line that begins with a key; one that is cut off does not count.</summary>
    static bool TryFind(ReadOnlySpan<byte> text, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        for (int end = text.IndexOf((byte)'\n'); end >= 0; end = text.IndexOf((byte)'\n'))
        {
            if (text.StartsWith(key))
            {
                value = text[key.Length..end].Trim("\t "u8);
                return true;
            }

            text = text[(end + 1)..];
        }

        value = default;
        return false;
    }

    static bool TryParseOctal(ReadOnlySpan<byte> digits, out uint value)
    {
        value = 0;
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7' || value > uint.MaxValue >> 3)
            {
                return false;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return !digits.IsEmpty;
    }
}
