namespace ImaHost.Appraisal;

/// <summary>
/// All that files are held against besides their own labels: trusted keys, what was revoked, and lists of reference
/// digests. It never changes: what is loaded anew is a new object.
/// </summary>
/// <param name="loaded">When.</param>
sealed class Vouchers(Keyring keys, Blacklist blacklist, ReferenceIndex references, DateTimeOffset loaded)
{
    /// <summary>Nobody vouches and nothing is revoked.</summary>
    public static Vouchers Empty { get; } =
        new(Keyring.Empty, Blacklist.Empty, ReferenceIndex.Empty, DateTimeOffset.UnixEpoch);

    public Keyring Keys => keys;

    public Blacklist Blacklist => blacklist;

    public ReferenceIndex References => references;

    /// <summary>Keys and lists whose time was over when they were loaded.</summary>
    public int Expired { get; } = CountExpired(keys, references, loaded);

    /// <summary>A number that differs when any of them does, or has expired: verdicts are kept under it.</summary>
    public ulong Stamp { get; } = unchecked(
        (((((keys.Stamp * 31) + blacklist.Stamp) * 31) + references.Stamp) * 31)
        + (ulong)CountExpired(keys, references, loaded));

    /// <summary>Keys and lists whose time is over at that time.</summary>
    public int CountExpired(DateTimeOffset now) => CountExpired(keys, references, now);

    static int CountExpired(Keyring keys, ReferenceIndex references, DateTimeOffset now)
    {
        int expired = 0;
        foreach (ImaKey key in keys.Keys)
        {
            expired += key.HasExpired(now) ? 1 : 0;
        }

        long seconds = now.ToUnixTimeSeconds();
        foreach (ReferenceSource source in references.Sources)
        {
            expired += source.IsOverAt(seconds) ? 1 : 0;
        }

        return expired;
    }
}
