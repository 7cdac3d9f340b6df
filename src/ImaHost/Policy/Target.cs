namespace ImaHost.Policy;

/// <summary>What may be known of a file, beyond what is known of all.</summary>
[Flags]
enum TargetFacts
{
    None = 0,
    /// <summary>The type of its filesystem.</summary>
    FsType = 1,
    /// <summary>The UUID of its filesystem.</summary>
    FsUuid = 2,
    /// <summary>Its label of the security module.</summary>
    Label = 4,
    /// <summary>The path it is accessed by.</summary>
    Path = 8,
}

/// <summary>The number of a filesystem: st_dev of its files.</summary>
readonly record struct DeviceNumber(uint Major, uint Minor);

/// <summary>What is accessed, as far as the rules in force ask.</summary>
readonly ref struct Target
{
    /// <summary>Which of the facts hold.</summary>
    public TargetFacts Known { get; init; }

    /// <summary>f_type of statfs(2).</summary>
    public long FsMagic { get; init; }

    public DeviceNumber Device { get; init; }

    /// <summary>As in mountinfo: "ext4", "fuse.sshfs".</summary>
    public string? FsType { get; init; }

    /// <summary>Null, though known: the filesystem has none.</summary>
    public Guid? FsUuid { get; init; }

    public uint Owner { get; init; }

    public uint Group { get; init; }

    /// <summary>Type and permission bits of stat(2).</summary>
    public ushort Mode { get; init; }

    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>Its label; empty: it has none.</summary>
    public ReadOnlySpan<byte> Label { get; init; }
}
