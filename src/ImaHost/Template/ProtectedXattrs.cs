namespace ImaHost.Template;

/// <summary>
/// The extended attributes of a file that EVM protects, as the fields xattrnames, xattrlengths and xattrvalues hold
/// them (evm_read_protected_xattrs). Used again for the next file. For one thread at a time.
/// </summary>
sealed class ProtectedXattrs
{
    readonly ByteBuilder _names = new(256);
    readonly ByteBuilder _lengths = new(64);
    readonly ByteBuilder _values = new();

    /// <summary>Which attributes, each ending in a NUL, in the kernel's order (evm_config_default_xattrnames).</summary>
    public static IReadOnlyList<byte[]> Protected { get; } =
    [
        "security.selinux\0"u8.ToArray(),
        "security.SMACK64\0"u8.ToArray(),
        "security.SMACK64EXEC\0"u8.ToArray(),
        "security.SMACK64TRANSMUTE\0"u8.ToArray(),
        "security.SMACK64MMAP\0"u8.ToArray(),
        "security.apparmor\0"u8.ToArray(),
        "security.ima\0"u8.ToArray(),
        "security.capability\0"u8.ToArray(),
    ];

    /// <summary>The names with "|" between them and a NUL at the end.</summary>
    public ReadOnlySpan<byte> Names => _names.Written;

    /// <summary>A 32-bit number for each.</summary>
    public ReadOnlySpan<byte> Lengths => _lengths.Written;

    /// <summary>The values one after the other.</summary>
    public ReadOnlySpan<byte> Values => _values.Written;

    public void Clear()
    {
        _names.Clear();
        _lengths.Clear();
        _values.Clear();
    }

    /// <param name="name">Ends in a NUL.</param>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _names.ReplaceLast((byte)'|');
        _names.Append(name);
        _lengths.AppendUInt32((uint)value.Length);
        _values.Append(value);
    }
}
