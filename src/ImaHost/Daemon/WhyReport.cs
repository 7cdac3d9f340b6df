using System.Text.Json.Serialization;
using ImaHost.Appraisal;

namespace ImaHost.Daemon;

/// <summary>What would come of an access of a file now.</summary>
enum WhyVerdict
{
    /// <summary>No such file is there, or it cannot be read.</summary>
    Unknown,
    /// <summary>No rule appraises it, its filesystem is not watched, or appraisal is off.</summary>
    NotAsked,
    /// <summary>Somebody vouches for it.</summary>
    Allowed,
    /// <summary>It is let through; enforce would deny it.</summary>
    WouldDeny,
    /// <summary>It is denied.</summary>
    Denied,
}

/// <summary>Why a file is denied, or is not, and what to do about it: what <c>imahost why</c> shows.</summary>
sealed record WhyReport
{
    /// <summary>As the log writes it.</summary>
    public required string Path { get; init; }

    public required WhyVerdict Verdict { get; init; }

    /// <summary>Off, log, fix or enforce.</summary>
    public required string Mode { get; init; }

    /// <summary>Why the file was not looked at.</summary>
    public string? Error { get; init; }

    /// <summary>Where it is appraised: the hook whose rule decides.</summary>
    public string? Hook { get; init; }

    public string? Rule { get; init; }

    public string? Origin { get; init; }

    /// <summary>Why the rule is there, as it says.</summary>
    public string? Reason { get; init; }

    /// <summary>In the kernel's word; null: it passes.</summary>
    public string? Cause { get; init; }

    /// <summary>Who vouches for it, or whose word was not good.</summary>
    public string? By { get; init; }

    /// <summary>The line of a list that vouches for it.</summary>
    public string? Reference { get; init; }

    public string? Digest { get; init; }

    public WhyLabel? Label { get; init; }

    /// <summary>Lists that name its path or hold its digest.</summary>
    public IReadOnlyList<ListLine> Lists { get; init; } = [];

    public PackageOwner? Package { get; init; }

    /// <summary>What is not as it was when it was last allowed.</summary>
    public IReadOnlyList<string> Changes { get; init; } = [];

    /// <summary>The last decision that allowed it.</summary>
    public DecisionRecord? LastAllowed { get; init; }

    /// <summary>What would allow it, the best first.</summary>
    public IReadOnlyList<Remedy> Remedies { get; init; } = [];

    /// <summary>The last decisions about it, oldest first.</summary>
    public IReadOnlyList<DecisionRecord> Decisions { get; init; } = [];

    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <param name="Kind">none, hash, signature, verity-signature or damaged.</param>
/// <param name="Digest">That it holds.</param>
/// <param name="Key">The key id that it names.</param>
/// <param name="Check">What verifying it says.</param>
sealed record WhyLabel(string Kind, string? Digest, string? Key, string? Check);

/// <param name="Command">For a shell.</param>
/// <param name="Why">When it is right to do so.</param>
sealed record Remedy(string Command, string Why);

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(WhyReport[]))]
sealed partial class WhyJson : JsonSerializerContext;
