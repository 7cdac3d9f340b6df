using System.Globalization;
using ImaHost.Appraisal;
using ImaHost.Daemon;
using ImaHost.Template;

namespace ImaHost.Cli;

/// <summary>The answer of <c>imahost why</c>, for people.</summary>
static class WhyText
{
    const string TimeFormat = "yyyy-MM-dd HH:mm:ss";

    /// <summary>Names are whatever somebody made of them, and a terminal does what they say: each line is made safe.</summary>
    public static IEnumerable<string> Lines(WhyReport report) => RawLines(report).Select(EntryName.ToLine);

    static IEnumerable<string> RawLines(WhyReport report)
    {
        yield return $"{report.Path}: {Verdict(report)}";
        foreach ((string name, string text) in Rows(report))
        {
            yield return $"  {name,-11}{text}";
        }
    }

    /// <summary>One decision on a line.</summary>
    public static string Of(DecisionRecord record)
    {
        string cause = record.Cause == null ? "" : $" cause={record.Cause}";
        string again = record.Count > 1
            ? string.Create(CultureInfo.InvariantCulture, $" ({record.Count} times until {record.Latest.ToString(TimeFormat, CultureInfo.InvariantCulture)})") : "";
        string violation = record.Violation == null ? "" : $" violation={record.Violation}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{record.Time.ToString(TimeFormat, CultureInfo.InvariantCulture)} {Outcome(record.Outcome)} hook={record.Hook} pid={record.Pid} comm=\"{record.Comm}\" uid={record.Uid?.ToString(CultureInfo.InvariantCulture) ?? "?"}{cause}{violation}{again}");
    }

    static string Verdict(WhyReport report) => report.Verdict switch
    {
        WhyVerdict.Unknown => report.Error ?? "it cannot be told",
        WhyVerdict.NotAsked when report.Error != null => report.Error,
        WhyVerdict.NotAsked => report.Mode == "off" ? "allowed: appraisal is off" : "allowed: no rule appraises it",
        WhyVerdict.Allowed => "allowed",
        WhyVerdict.WouldDeny => $"let through by mode {report.Mode}; enforce would deny it",
        WhyVerdict.Denied => "denied",
        _ => throw new ArgumentOutOfRangeException(nameof(report)),
    };

    static string Outcome(DecisionOutcome? outcome) =>
        outcome == DecisionOutcome.WouldDeny ? "would deny"
        : outcome == DecisionOutcome.LeftRunning ? "left running"
        : $"{outcome}".ToLowerInvariant();

    static IEnumerable<(string Name, string Text)> Rows(WhyReport report)
    {
        if (report.Rule != null)
        {
            yield return ("rule", $"{report.Origin}: {report.Rule}, at {report.Hook}");
        }

        foreach ((string Name, string Text) row in FileRows(report).Concat(ListRows(report)))
        {
            yield return row;
        }

        foreach ((string Name, string Text) row in HistoryRows(report))
        {
            yield return row;
        }

        foreach (Remedy remedy in report.Remedies)
        {
            yield return ("to allow", $"{remedy.Command}    # {remedy.Why}");
        }

        if (report.Remedies.Count == 0 && report.Cause != null)
        {
            yield return ("to allow", $"nothing that is known here would while that stands: {report.Cause}");
        }

        foreach (string note in report.Notes)
        {
            yield return ("note", note);
        }
    }

    static IEnumerable<(string Name, string Text)> FileRows(WhyReport report)
    {
        if (report.Reason != null)
        {
            yield return ("reason", report.Reason);
        }

        if (report.Cause != null)
        {
            yield return ("cause", report.Cause);
        }

        if (report is { Cause: null, By: not null })
        {
            yield return ("vouched by", report.Reference == null ? report.By : $"{report.By}, {report.Reference}");
        }

        if (report.Digest != null)
        {
            yield return ("digest", report.Digest);
        }

        if (report.Label is { } label)
        {
            string key = label.Key == null ? "" : $" by key {label.Key}";
            string check = label.Check == null ? "" : $", verified: {label.Check}";
            string digest = label.Digest == null ? "" : $" {label.Digest}";
            yield return ("label", $"security.ima: {label.Kind}{digest}{key}{check}");
        }
    }

    static IEnumerable<(string Name, string Text)> ListRows(WhyReport report)
    {
        foreach (ListLine line in report.Lists)
        {
            string what = line switch
            {
                { HasPath: true, HasDigest: true } => "has it: path and digest",
                { HasDigest: true } => "has the digest, under another path or none",
                _ => "has the path, with another digest",
            };
            string package = line.Package == null ? "" : $" (package {line.Package} {line.Version})";
            yield return ("list", string.Create(CultureInfo.InvariantCulture, $"{line.File}:{line.Line} {what}{package}"));
        }

        if (report.Lists.Count == 0 && report.Digest != null)
        {
            yield return ("list", "none names its path or holds its digest");
        }

        if (report.Package is { } owner)
        {
            string altered = owner.Altered switch { true => ", altered since it was installed", false => ", as installed", null => "" };
            yield return ("package", $"{owner.Name} {owner.Version} ({owner.Manager}){altered}");
        }
    }

    static IEnumerable<(string Name, string Text)> HistoryRows(WhyReport report)
    {
        if (report.LastAllowed is { } allowed)
        {
            yield return ("allowed", $"last on {allowed.Time.ToString(TimeFormat, CultureInfo.InvariantCulture)} UTC, by {allowed.By ?? "nobody in particular"}, {allowed.Origin}");
        }
        else if (report.Cause != null)
        {
            yield return ("allowed", "never, as far as the record goes back");
        }

        foreach (string change in report.Changes)
        {
            yield return ("changed", change);
        }

        foreach (DecisionRecord record in report.Decisions)
        {
            yield return ("decision", Of(record));
        }
    }
}
