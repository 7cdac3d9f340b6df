using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Learning;

/// <summary>What is made of a list.</summary>
enum DraftKind
{
    /// <summary>A list of digests as sha256sum(1) and its kind write it.</summary>
    Sums,
    /// <summary>A list of digests that are good at their paths alone.</summary>
    Yaml,
    /// <summary>Rules that appraise the directories that were seen.</summary>
    Policy,
}

/// <summary>A draft that is not understood, with the place that says why.</summary>
sealed class DraftException(string file, long line, string message)
    : FormatException(line == 0 ? $"{file}: {message}" : $"{file}:{line}: {message}");

/// <summary>A digest of a draft.</summary>
/// <param name="Path">The file it was learned from; null: a pattern that somebody wrote stands in its place.</param>
readonly record struct DraftEntry(Digest Digest, BytePath? Path);

/// <summary>A file that the draft does not vouch for.</summary>
/// <param name="Reason">In the words of <see cref="LeftOutReason"/>.</param>
readonly record struct LeftOut(string Reason, Digest Digest, BytePath Path);

/// <summary>Why files that were listed are left out, as drafts and reviews have it.</summary>
static class LeftOutReason
{
    public const string Conflict = "listed with another content too";
    public const string Changed = "changed since";
    public const string Gone = "gone";
    public const string Unreadable = "cannot be read";
    public const string Exposed = "others than root may write it";
    public const string Known = "vouched for already";
}

/// <summary>What was learned from a list, to be looked at by a person before it is put in force.</summary>
/// <param name="File">Where it lies.</param>
/// <param name="Source">The list, and when it was read.</param>
/// <param name="Entries">Of a list of digests.</param>
/// <param name="Rules">Of a policy.</param>
/// <param name="Notes">What else was in the list, a line each.</param>
sealed record Draft(
    string File, DraftKind Kind, HashAlgorithm Algorithm, string Source, IReadOnlyList<DraftEntry> Entries,
    IReadOnlyList<ImaRule> Rules, IReadOnlyList<LeftOut> LeftOut, IReadOnlyList<string> Notes)
{
    /// <summary>How the name of a file ends that holds this kind.</summary>
    public string Ending => Kind == DraftKind.Sums ? $".{Algorithm.Name}" : ".yaml";

    /// <summary>The word of --as for a kind.</summary>
    public static string WordOf(DraftKind kind, HashAlgorithm algorithm) =>
        kind == DraftKind.Sums ? algorithm.Name : kind == DraftKind.Yaml ? "yaml" : "policy";
}
