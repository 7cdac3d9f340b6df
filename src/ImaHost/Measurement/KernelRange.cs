using System.Globalization;

namespace ImaHost.Measurement;

/// <summary>Bytes of kernel memory.</summary>
/// <param name="Address">Virtual address of the first byte.</param>
/// <param name="Length">Bytes.</param>
readonly record struct KernelRange(ulong Address, int Length)
{
    /// <summary>Address of the last byte: the end itself may be 2^64.</summary>
    public ulong Last => Address + (ulong)Length - 1;

    /// <param name="place">An address "0xffffffff81000000", or a symbol "linux_banner", or "linux_banner+0x10".</param>
    /// <param name="length">Bytes, 1 to <see cref="KernelMemory.MaxLength"/>.</param>
    /// <param name="symbols">The table that a symbol is looked up in.</param>
    /// <exception cref="KernelMemoryException">
    /// The place is none of these, its symbol cannot be found, or the range is too long or goes beyond 2^64.
    /// </exception>
    public static KernelRange Parse(string place, int length, string symbols = KernelSymbols.DefaultPath)
    {
        var range = new KernelRange(AddressOf(place, symbols), length);
        range.ThrowIfInvalid();
        return range;
    }

    /// <summary>Refuses what no memory can hold; whether this memory holds it is for the reader to say.</summary>
    /// <exception cref="KernelMemoryException"/>
    public void ThrowIfInvalid()
    {
        if (Length is <= 0 or > KernelMemory.MaxLength)
        {
            throw new KernelMemoryException(
                $"{Length} bytes of kernel memory at 0x{Address:x16}: not 1 to {KernelMemory.MaxLength} bytes");
        }

        if (Last < Address)
        {
            throw new KernelMemoryException($"{Length} bytes of kernel memory at 0x{Address:x16} go beyond 2^64");
        }
    }

    /// <summary>First and last byte, as /proc/iomem writes ranges.</summary>
    public override string ToString() => Name(Address, Last);

    internal static string Name(ulong first, ulong last) => $"0x{first:x16}-0x{last:x16}";

    static ulong AddressOf(string place, string symbols)
    {
        if (TryHex(place, out ulong address))
        {
            return address;
        }

        int plus = place.IndexOf('+', StringComparison.Ordinal);
        string symbol = plus < 0 ? place : place[..plus];
        ulong offset = 0;
        // A symbol never begins with a digit: that is an address written wrong.
        if (symbol.Length == 0 || char.IsAsciiDigit(symbol[0])
            || (plus >= 0 && !TryHex(place.AsSpan(plus + 1), out offset)))
        {
            throw new KernelMemoryException(
                $"'{place}' is no place in kernel memory: write 0xADDRESS, SYMBOL or SYMBOL+0xOFFSET, 64 bits at most");
        }

        address = KernelSymbols.Find(symbol, symbols);
        return offset <= ulong.MaxValue - address
            ? address + offset
            : throw new KernelMemoryException($"'{place}' goes beyond 2^64: the symbol stands at 0x{address:x16}");
    }

    static bool TryHex(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
