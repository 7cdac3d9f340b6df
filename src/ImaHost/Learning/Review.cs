using ImaHost.Appraisal;
using ImaHost.Measurement;
using ImaHost.Policy;

namespace ImaHost.Learning;

/// <summary>A digest of a draft, and what is known of its file now.</summary>
/// <param name="IsKnown">A list in force, or its package, has it already.</param>
/// <param name="Package">The package that the file belongs to; null: none that is known.</param>
sealed record ReviewedEntry(DraftEntry Entry, DiskFile Disk, bool IsKnown, string? Package);

/// <summary>A draft, held against what is in force and what lies on disk.</summary>
/// <param name="NewRules">Rules that are not in force.</param>
sealed record Review(Draft Draft, IReadOnlyList<ReviewedEntry> Entries, IReadOnlyList<ImaRule> NewRules)
{
    const string NoPackage = "(no package)";

    /// <summary>What accepting the draft would add.</summary>
    public IEnumerable<ReviewedEntry> New => Entries.Where(entry => !entry.IsKnown);

    /// <summary>How many digests of each package, the most first.</summary>
    public IEnumerable<(string Name, int Count)> Packages => Count(Entries.Select(entry => entry.Package ?? NoPackage));

    /// <summary>How many digests of each directory, the most first.</summary>
    public IEnumerable<(string Name, int Count)> Directories => Count(
        Entries.Where(entry => entry.Entry.Path != null).Select(entry => entry.Entry.Path!.Value.Directory.ToString()));

    public static Review Make(Draft draft, Vouchers vouchers, ImaPolicy policy)
    {
        Dictionary<BytePath, string> packages =
            PackageNames.Find([.. draft.Entries.Where(entry => entry.Path != null).Select(entry => entry.Path!.Value)]);
        using var hasher = new FileHasher();
        ReviewedEntry[] entries =
        [
            .. draft.Entries.Select(entry => entry.Path is { } path
                ? new ReviewedEntry(
                    entry, DiskFile.Look(path, entry.Digest, hasher), InForce.Has(entry.Digest, path, vouchers),
                    packages.GetValueOrDefault(path))
                : new ReviewedEntry(entry, default, IsKnown: false, Package: null)),
        ];
        HashSet<string> inForce = [.. policy.Rules.Select(rule => rule.ToString())];
        return new Review(draft, entries, [.. draft.Rules.Where(rule => !inForce.Contains(rule.ToString()))]);
    }

    static IEnumerable<(string Name, int Count)> Count(IEnumerable<string> names) =>
        names.CountBy(name => name).OrderByDescending(one => one.Value).ThenBy(one => one.Key, StringComparer.Ordinal)
            .Select(one => (one.Key, one.Value));
}
