namespace ImaHost.Appraisal;

/// <summary>
/// All that files are held against besides their own labels: trusted keys, what was revoked, and lists of reference
/// digests. It never changes: what is loaded anew is a new object.
/// </summary>
sealed record Vouchers(Keyring Keys, Blacklist Blacklist, ReferenceIndex References)
{
    /// <summary>Nobody vouches and nothing is revoked.</summary>
    public static Vouchers Empty { get; } = new(Keyring.Empty, Blacklist.Empty, ReferenceIndex.Empty);

    /// <summary>A number that differs when any of them does: verdicts are kept under it.</summary>
    public ulong Stamp { get; } = unchecked((Keys.Stamp * 31) + (Blacklist.Stamp * 17) + References.Stamp);
}
