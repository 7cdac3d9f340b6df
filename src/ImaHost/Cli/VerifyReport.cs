using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using static System.FormattableString;

namespace ImaHost.Cli;

/// <summary>What <c>imahost verify</c> found; its JSON form is made of the same words.</summary>
sealed record VerifyReport
{
    public required string List { get; init; }

    /// <summary>"ascii" or "binary".</summary>
    public required string Form { get; init; }

    /// <summary>Where the PCR values are from.</summary>
    public required string Pcrs { get; init; }

    public required bool Verified { get; init; }

    /// <summary>Why not; empty when it is verified.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    public required long Entries { get; init; }

    /// <summary>Entries, from the first, that the PCRs of every bank vouch for; -1: they agree nowhere.</summary>
    public required long Matched { get; init; }

    /// <summary>The last of those.</summary>
    public required EntryLabel? LastVouched { get; init; }

    /// <summary>Entries after those.</summary>
    public required long Follow { get; init; }

    /// <summary>The first of them.</summary>
    public required IReadOnlyList<EntryLabel> Following { get; init; }

    public required long Violations { get; init; }

    /// <summary>Numbers count from 0; null: there is none.</summary>
    public required long? FirstViolation { get; init; }

    public required ListBreak? Broken { get; init; }

    public required IReadOnlyList<BankReport> Banks { get; init; }

    /// <summary>"matches", "differs" from PCR 0 to 9, or "unknown". It does not decide.</summary>
    public required string BootAggregate { get; init; }

    public static VerifyReport Make(ListVerifier found, ListFile file, string pcrs, bool exact, bool ignoreViolations)
    {
        long matched = found.Search.Matched;
        List<string> reasons = [.. Judge(found, pcrs, exact, ignoreViolations)];
        return new VerifyReport
        {
            List = file.Path,
            Form = file.IsAscii ? "ascii" : "binary",
            Pcrs = pcrs,
            Verified = reasons.Count == 0,
            Reasons = reasons,
            Entries = found.Entries,
            Matched = matched,
            LastVouched = found.LastVouched,
            Follow = matched < 0 ? 0 : found.Entries - matched,
            Following = found.Following,
            Violations = found.Violations,
            FirstViolation = found.FirstViolation < 0 ? null : found.FirstViolation,
            Broken = found.Break,
            Banks = [.. found.Search.Banks.Select(BankReport.Of)],
            BootAggregate = Words.Name(found.BootAggregate),
        };
    }

    /// <summary>For people.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        Line(text, "list", $"{List} ({Form}): {Entries} entries, {Violations} violations");
        Line(text, "PCRs", $"{Pcrs}");
        AppendBanks(text);
        if (BootAggregate != "unknown")
        {
            Line(text, "boot", $"boot_aggregate {BootAggregate} {(BootAggregate == "matches" ? "" : "from ")}PCR 0 to 9");
        }

        AppendMatch(text);
        foreach (string reason in Reasons)
        {
            Line(text, "not", $"{reason}");
        }

        if (Verified)
        {
            Line(text, "verified", Banks.Count == 0
                ? (FormattableString)$"every entry is what it says; no PCR vouches for them"
                : $"the PCRs vouch for {Matched} entries");
        }

        return text.ToString();
    }

    void AppendBanks(StringBuilder text)
    {
        foreach (BankReport bank in Banks)
        {
            string padded = bank.Padded ? ", extended as SHA-1 padded with zeros" : "";
            Line(text, bank.Bank, bank.Matched < 0
                ? (FormattableString)$"agrees nowhere; after the last entry the list gives {string.Join(", ", bank.Values)}"
                : $"agrees after {bank.Matched} entries (PCR {string.Join(", ", bank.Pcrs)}){padded}");
        }
    }

    void AppendMatch(StringBuilder text)
    {
        if (LastVouched is { } last)
        {
            Line(text, "last", $"entry {last.Entry}, \"{last.Name}\"");
        }

        if (Follow > 0)
        {
            Line(text, "follow", $"{Follow} entries that the PCRs do not vouch for:");
            foreach (EntryLabel one in Following)
            {
                Line(text, "", $"entry {one.Entry}, PCR {one.Pcr}, \"{one.Name}\"");
            }
        }
    }

    static void Line(StringBuilder text, string name, FormattableString value) =>
        text.Append(name.PadRight(11)).Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');

    static IEnumerable<string> Judge(ListVerifier found, string pcrs, bool exact, bool ignoreViolations)
    {
        if (found.Break is { } broken)
        {
            yield return Invariant($"entry {broken.Entry} at offset {broken.Offset} breaks: {broken.Cause}");
        }

        if (found.Entries == 0)
        {
            yield return "the list is empty";
            yield break;
        }

        bool compared = found.Search.Banks.Count > 0;
        long matched = found.Search.Matched;
        if (compared && matched <= 0)
        {
            yield return $"no part of the list gives what {pcrs} holds";
        }

        if (compared && exact && matched > 0 && matched < found.Entries)
        {
            yield return Invariant($"{found.Entries - matched} entries follow those that the PCRs vouch for (--exact)");
        }

        bool vouched = !compared || matched < 0 || found.FirstViolation < matched;
        if (found.Violations > 0 && vouched && !ignoreViolations)
        {
            yield return Invariant(
                $"{found.Violations} violations, the first is entry {found.FirstViolation} (--ignore-violations accepts them)");
        }
    }
}

/// <summary>One PCR bank.</summary>
/// <param name="Matched">Entries after which its PCRs agree; -1: nowhere.</param>
/// <param name="Padded">The kernel extended SHA-1 padded with zeros here, for want of the algorithm.</param>
/// <param name="Values">What the whole list gives, "10:HEX" for each PCR.</param>
sealed record BankReport(string Bank, long Matched, bool Padded, IReadOnlyList<int> Pcrs, IReadOnlyList<string> Values)
{
    public static BankReport Of(BankSearch search) => new(
        search.Bank.Name, search.Matched, search.IsPadded, [.. search.Pcrs],
        [.. search.Pcrs.Select(pcr => string.Create(
            CultureInfo.InvariantCulture, $"{pcr}:{Convert.ToHexStringLower(search.ValueOf(pcr).Bytes)}"))]);
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(VerifyReport))]
sealed partial class VerifyJson : JsonSerializerContext;
