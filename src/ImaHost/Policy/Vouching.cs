namespace ImaHost.Policy;

/// <summary>Who may vouch for a file that is appraised (by: of a rule). Any one of those named is enough.</summary>
[Flags]
enum Vouching
{
    /// <summary>Nobody is named: security.ima alone, as the kernel reads it.</summary>
    None = 0,
    /// <summary>A signature over the file's digest in its security.ima, by a key that is trusted.</summary>
    ImaSig = 1,
    /// <summary>The hash in its security.ima.</summary>
    ImaHash = 2,
    /// <summary>A signature over its fs-verity digest, or a list that has that digest.</summary>
    Verity = 4,
    /// <summary>A list of reference digests.</summary>
    Reference = 8,
    /// <summary>The package that it came from.</summary>
    Package = 16,
}

/// <summary>The words for them.</summary>
static class Vouchings
{
    static readonly (string Name, Vouching Value)[] All =
    [
        ("ima-sig", Vouching.ImaSig), ("ima-hash", Vouching.ImaHash), ("verity", Vouching.Verity),
        ("reference", Vouching.Reference), ("package", Vouching.Package),
    ];

    public static IReadOnlyCollection<string> Names { get; } = [.. All.Select(one => one.Name)];

    /// <summary>Every one there is.</summary>
    public static Vouching Any { get; } = All.Aggregate(Vouching.None, (sum, one) => sum | one.Value);

    /// <summary>The one of that name, or null.</summary>
    public static Vouching? Find(string name)
    {
        Vouching found = Array.Find(All, one => one.Name == name).Value;
        return found == Vouching.None ? null : found;
    }

    /// <summary>The names of those in a set, in the order of the enumeration.</summary>
    public static IEnumerable<string> NamesOf(Vouching set) => All.Where(one => set.HasFlag(one.Value)).Select(one => one.Name);
}
