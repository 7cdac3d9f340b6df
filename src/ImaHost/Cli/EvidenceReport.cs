using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary>What <c>imahost verify --evidence</c> found; its JSON form is made of the same words.</summary>
sealed record EvidenceReport
{
    /// <summary>The directory.</summary>
    public required string Evidence { get; init; }

    public required bool Verified { get; init; }

    /// <summary>Why not, each beginning with a file; empty when it is verified.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    public required IReadOnlyList<QuoteCheck> Checks { get; init; }

    /// <summary>The first entry that the quote vouches for: behind the base, if one was given. Counted from 0.</summary>
    public required long FirstEntry { get; init; }

    /// <summary>Null when there is no quote. Not to be believed unless it is verified.</summary>
    public required TpmClock? Clock { get; init; }

    /// <summary>Files that were not looked at.</summary>
    public required IReadOnlyList<string> Others { get; init; }

    /// <summary>What the list gives; null when the quote proves nothing to compare it with.</summary>
    public required VerifyReport? List { get; init; }

    public static EvidenceReport Make(string directory, EvidenceVerifier found)
    {
        List<string> reasons = [.. found.Checks.Select(check => check.Fault).OfType<string>()];
        return new EvidenceReport
        {
            Evidence = directory,
            Verified = reasons.Count == 0,
            Reasons = reasons,
            Checks = found.Checks,
            FirstEntry = found.FirstEntry,
            Clock = found.Clock,
            Others = found.Others,
            List = found.List,
        };
    }

    /// <summary>For people.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        void Line(string name, string value) => text.Append(name.PadRight(11)).Append(value).Append('\n');

        Line("evidence", Evidence);
        foreach (QuoteCheck check in Checks)
        {
            Line(check.Fault == null ? "yes" : "not", check.Fault ?? $"{check.File} {check.Claim}");
        }

        if (Clock is { } clock)
        {
            Line("clock", $"{clock}");
        }

        foreach (string other in Others)
        {
            Line("unread", $"{other}: no part of the evidence that is verified here");
        }

        if (Verified)
        {
            Line("verified", FirstEntry == 0
                ? string.Create(CultureInfo.InvariantCulture, $"the TPM vouches for {List?.Entries} entries, all of that moment")
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"the TPM vouches for the entries from {FirstEntry} up to {List?.Entries - 1}, all of that moment, after those of the base"));
        }

        return text.ToString();
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(EvidenceReport))]
sealed partial class EvidenceJson : JsonSerializerContext;
