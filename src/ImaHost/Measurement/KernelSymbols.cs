using System.Globalization;

namespace ImaHost.Measurement;

/// <summary>
/// The kernel's symbols, as /proc/kallsyms lists them: "ffffffff81000000 T _text", with "\t[module]" after it for those
/// of a module.
/// </summary>
static class KernelSymbols
{
    public const string DefaultPath = "/proc/kallsyms";

    /// <summary>The address of a symbol of the kernel or of any module.</summary>
    /// <exception cref="KernelMemoryException">
    /// There is none, or more than one, or the kernel hides it, or the file cannot be read or is not such a list.
    /// </exception>
    public static ulong Find(string name, string path = DefaultPath)
    {
        HashSet<ulong> found = AddressesOf(name, path);
        if (found.Count == 0)
        {
            throw new KernelMemoryException(
                $"{path}: no symbol '{name}'; data is listed only by kernels with CONFIG_KALLSYMS_ALL");
        }

        if (found.Count > 1)
        {
            throw new KernelMemoryException(
                $"{path}: '{name}' is ambiguous, it stands at {found.Count} addresses; give the address instead");
        }

        ulong address = found.Single();
        return address != 0
            ? address
            : throw new KernelMemoryException(
                $"{path}: the address of '{name}' is hidden; it takes CAP_SYSLOG and a 0 or 1 in "
                + "/proc/sys/kernel/kptr_restrict to see it");
    }

    static HashSet<ulong> AddressesOf(string name, string path)
    {
        var found = new HashSet<ulong>();
        int number = 0;
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                number++;
                if (!TryParse(line, out ulong address, out ReadOnlySpan<char> symbol))
                {
                    throw new KernelMemoryException($"{path}:{number}: not 'ADDRESS TYPE SYMBOL'");
                }

                if (symbol.SequenceEqual(name))
                {
                    _ = found.Add(address);
                }
            }
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not KernelMemoryException)
        {
            throw new KernelMemoryException($"{path}: the kernel's symbols cannot be read: {e.Message}");
        }

        return found;
    }

    static bool TryParse(ReadOnlySpan<char> line, out ulong address, out ReadOnlySpan<char> symbol)
    {
        address = 0;
        symbol = default;
        int space = line.IndexOf(' ');
        if (space < 0 || line.Length < space + 4 || line[space + 2] != ' ')
        {
            return false;
        }

        symbol = line[(space + 3)..];
        int tab = symbol.IndexOf('\t');
        symbol = tab < 0 ? symbol : symbol[..tab];
        return symbol.Length > 0
            && ulong.TryParse(line[..space], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address);
    }
}
