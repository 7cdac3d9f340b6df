using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Learning;
using ImaHost.Template;
using static System.FormattableString;

namespace ImaHost.Cli;

/// <summary>A review for people: what would change, and what to look at twice.</summary>
static class ReviewText
{
    const int MostGroups = 15;
    const int MostLines = 20;
    const int ShownDigits = 12;

    public static string Of(Review review)
    {
        var text = new StringBuilder();
        Draft draft = review.Draft;
        string what = draft.Kind == DraftKind.Policy
            ? Invariant($"{Counted.Of(draft.Rules.Count, "rule")}, of which {Counted.Of(review.NewRules.Count, "is", "are")} not in force")
            : Invariant($"{Counted.Of(draft.Entries.Count, "digest")} ({draft.Algorithm}), of which {Counted.Of(review.New.Count(), "is", "are")} new; {Counted.Of(draft.Entries.Count - review.New.Count(), "is", "are")} vouched for already");
        Line(text, "draft", $"{draft.File}: {what}");
        Line(text, "of", draft.Source);
        Groups(text, "package", review.Packages);
        Groups(text, "directory", review.Directories);
        Concerns(text, review);
        foreach (string note in draft.Notes)
        {
            Line(text, "besides", note);
        }

        Difference(text, review);
        return text.ToString();
    }

    /// <summary>What is in the draft though it is not on disk like this, or not safe there; and what is left out.</summary>
    static void Concerns(StringBuilder text, Review review)
    {
        Lines(text, "changed", review.Entries.Where(entry => entry.Disk.State == DiskState.Changed).Select(Changed));
        Lines(text, "gone", Paths(review, entry => entry.Disk.State == DiskState.Gone));
        Lines(text, "unreadable", Paths(review, entry => entry.Disk.State == DiskState.Unreadable));
        Lines(text, "exposed", Paths(review, entry => entry.Disk.IsExposed));
        foreach (IGrouping<string, LeftOut> group in review.Draft.LeftOut.GroupBy(one => one.Reason))
        {
            Line(text, "left out", Invariant($"{group.Count()}: {group.Key}"));
            if (group.Key != LeftOutReason.Known)
            {
                Lines(text, "", group.Select(one => $"{Short(one.Digest)}  {one.Path}"));
            }
        }
    }

    static void Difference(StringBuilder text, Review review)
    {
        Lines(text, "+", review.NewRules.Select(rule => rule.ToString()));
        Lines(text, "+", review.New.Select(entry => $"{Short(entry.Entry.Digest)}  {PathOf(entry)}"));
    }

    static string Changed(ReviewedEntry entry) =>
        $"{PathOf(entry)}: listed {Short(entry.Entry.Digest)}, now {Short(entry.Disk.Now)}";

    static IEnumerable<string> Paths(Review review, Func<ReviewedEntry, bool> which) =>
        review.Entries.Where(entry => entry.Entry.Path != null).Where(which).Select(PathOf);

    static string PathOf(ReviewedEntry entry) => entry.Entry.Path?.ToString() ?? "(a pattern)";

    static string Short(in Digest digest) => Convert.ToHexStringLower(digest.Bytes)[..ShownDigits];

    static void Groups(StringBuilder text, string title, IEnumerable<(string Name, int Count)> groups)
    {
        (string Name, int Count)[] all = [.. groups];
        foreach ((string name, int count) in all.Take(MostGroups))
        {
            Line(text, title, Invariant($"{count} {name}"));
        }

        if (all.Length > MostGroups)
        {
            Line(text, title, Invariant($"… and {all.Skip(MostGroups).Sum(one => one.Count)} of {all.Length - MostGroups} more"));
        }
    }

    static void Lines(StringBuilder text, string title, IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        foreach (string line in all.Take(MostLines))
        {
            Line(text, title, line);
        }

        if (all.Length > MostLines)
        {
            Line(text, title, Invariant($"… and {all.Length - MostLines} more, which stand in the draft"));
        }
    }

    static void Line(StringBuilder text, string title, string value) =>
        text.Append(CultureInfo.InvariantCulture, $"{title,-11}{value}\n");
}
