namespace ImaHost.Policy;

/// <summary>What rules are looked up by, the most telling first.</summary>
enum RuleKeyKind
{
    /// <summary>The path, or one of the directories above it.</summary>
    Path,
    /// <summary>The same of the program that accesses.</summary>
    Executable,
    /// <summary>The same of its cgroup.</summary>
    Cgroup,
    /// <summary>The last bytes of the path.</summary>
    End,
    Device,
    Uid,
    Gid,
    Fowner,
    Fgroup,
    FsMagic,
}

/// <summary>A value that an access has or has not. Different values may have the same key: it only narrows a search.</summary>
readonly record struct RuleKey(RuleKeyKind Kind, ulong Value)
{
    /// <summary>A path has at most so many keys.</summary>
    public const int MostOfPath = 64;

    /// <summary>So many of the last bytes of a path have a key.</summary>
    public const int MostOfEnd = 16;

    const ulong Basis = 14695981039346656037; // FNV-1a, 64 bits
    const ulong Prime = 1099511628211;

    /// <summary>A path that begins so has a key for that among its keys.</summary>
    public static bool IsKept(ReadOnlySpan<byte> prefix) => prefix.Length > 1 && prefix.Count((byte)'/') < MostOfPath;

    public static RuleKey OfPath(RuleKeyKind kind, ReadOnlySpan<byte> path)
    {
        ulong hash = Basis;
        foreach (byte one in path)
        {
            hash = Extend(hash, one);
        }

        return new RuleKey(kind, hash);
    }

    /// <summary>The key of what paths end in, or of as much of it as has one.</summary>
    public static RuleKey OfEnd(ReadOnlySpan<byte> end)
    {
        Span<ulong> keys = stackalloc ulong[MostOfEnd];
        return new RuleKey(RuleKeyKind.End, keys[OfEnds(end, keys) - 1]);
    }

    /// <summary>The keys of the last byte of a path, of the last two, and so on.</summary>
    /// <returns>How many there are.</returns>
    public static int OfEnds(ReadOnlySpan<byte> path, Span<ulong> keys)
    {
        ulong hash = Basis;
        int count = 0;
        for (int at = path.Length - 1; at >= 0 && count < MostOfEnd; at--)
        {
            hash = Extend(hash, path[at]);
            keys[count++] = hash;
        }

        return count;
    }

    public static RuleKey OfDevice(DeviceNumber device) =>
        new(RuleKeyKind.Device, ((ulong)device.Major << 32) | device.Minor);

    /// <summary>The keys of a path and of every directory above it. Never more than fit.</summary>
    /// <returns>How many there are.</returns>
    public static int OfPathAndAbove(ReadOnlySpan<byte> path, Span<ulong> keys)
    {
        ulong hash = Basis;
        int count = 0;
        foreach (byte one in path)
        {
            hash = Extend(hash, one);
            if (one == '/' && count < keys.Length - 1)
            {
                keys[count++] = hash;
            }
        }

        keys[count++] = hash;
        return count;
    }

    static ulong Extend(ulong hash, byte one) => (hash ^ one) * Prime;
}
