using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>What the fields of an entry are made of. What is left out makes an empty field, as in the kernel.</summary>
readonly ref struct FieldSource
{
    /// <summary>The digest of the file or buffer.</summary>
    public required Digest Digest { get; init; }

    /// <summary>The same in SHA-1. Needed where <see cref="TemplateDescriptor.NeedsSha1"/> and the other is not SHA-1.</summary>
    public Digest Sha1 { get; init; }

    /// <summary>The digest is the file's fs-verity digest, not that of its bytes.</summary>
    public bool IsVerity { get; init; }

    /// <summary>Its name, as the filesystem has it.</summary>
    public required ReadOnlySpan<byte> Name { get; init; }

    /// <summary>Its signature attribute as a whole, or nothing.</summary>
    public ReadOnlySpan<byte> Signature { get; init; }

    /// <summary>Its portable signature in security.evm as a whole, or nothing.</summary>
    public ReadOnlySpan<byte> EvmSignature { get; init; }

    /// <summary>The digest of a file without the signature appended to it. Given with <see cref="AppendedSignature"/>.</summary>
    public Digest UnsignedDigest { get; init; }

    /// <summary>The PKCS#7 message appended to a kernel module, or nothing.</summary>
    public ReadOnlySpan<byte> AppendedSignature { get; init; }

    /// <summary>The bytes of a measured buffer.</summary>
    public ReadOnlySpan<byte> Buffer { get; init; }

    /// <summary>The inode's owner and mode are known: it is a file.</summary>
    public bool HasInode { get; init; }

    public uint Uid { get; init; }

    public uint Gid { get; init; }

    /// <summary>i_mode: type and permissions.</summary>
    public ushort Mode { get; init; }

    /// <summary>The attributes that EVM protects, or null.</summary>
    public ProtectedXattrs? Xattrs { get; init; }
}
