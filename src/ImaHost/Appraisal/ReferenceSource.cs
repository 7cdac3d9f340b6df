using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>Which package a list is of.</summary>
/// <param name="Manager">"dpkg", "rpm".</param>
sealed record ReferencePackage(string Manager, string Name, string Version, string Architecture)
{
    public override string ToString() => $"{Name} {Version} ({Architecture}, {Manager})";
}

/// <summary>
/// What tells that a file is still the one that was read. Its device is no part of that: it may have another number at
/// the next boot.
/// </summary>
readonly record struct FileMark(ulong Inode, ulong Size, FileTime Modified, FileTime Changed)
{
    /// <summary>Of the file that a path leads to; default: there is none.</summary>
    public static FileMark Of(string path) =>
        FileStat.TryOfPath(path, out FileStat stat) ? new FileMark(stat.Inode, stat.Size, stat.Modified, stat.Changed) : default;
}

/// <summary>What a list was read from, and under what conditions: if all of it is as it was, the outcome is too.</summary>
/// <param name="Signature">Of FILE.sig; default: none was wanted.</param>
/// <param name="Terms">The keys and limits that were configured, as a number.</param>
readonly record struct ListStamp(FileMark List, FileMark Signature, ulong Terms);

/// <summary>A list of reference digests, as far as it is in the index.</summary>
/// <param name="Kind">Reference or Package.</param>
/// <param name="File">Its path.</param>
sealed record ReferenceSource(Vouching Kind, string File, ListStamp Stamp)
{
    /// <summary>Null: it is not the list of a package.</summary>
    public ReferencePackage? Package { get; init; }

    /// <summary>How the package tools came to know the digests: "unpack 2026-11-30T09:00:00Z".</summary>
    public string? Recorded { get; init; }

    /// <summary>Ids of the keys that signed the package.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>The last second at which it vouches (Unix time); null: it has no end.</summary>
    public long? NotAfter { get; init; }

    /// <summary>It vouches for files there alone; none: anywhere.</summary>
    public IReadOnlyList<PathGlob> Paths { get; init; } = [];

    /// <summary>What its single digests are bound to, as far as that is more than a path.</summary>
    public IReadOnlyList<PathGlob> Patterns { get; init; } = [];

    /// <summary>Digests.</summary>
    public int Count { get; init; }

    /// <summary>Why nothing of it is in force; null: it is.</summary>
    public string? Error { get; init; }

    /// <summary>What is in it and not heeded.</summary>
    public string? Note { get; init; }

    public bool IsOverAt(long unixSeconds) => unixSeconds > NotAfter;

    /// <summary>Does it say anything about files at that path?</summary>
    public bool Covers(ReadOnlySpan<byte> path)
    {
        for (int i = 0; i < Paths.Count; i++)
        {
            if (Paths[i].Matches(path))
            {
                return true;
            }
        }

        return Paths.Count == 0;
    }
}
