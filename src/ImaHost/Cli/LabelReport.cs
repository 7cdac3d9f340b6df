using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Template;
using ImaHost.Trees;

namespace ImaHost.Cli;

/// <summary>The outcome of <c>imahost label</c>; numbers of files, but for the bytes.</summary>
/// <param name="Labelled">Got a label, or would get one.</param>
/// <param name="Unchanged">Had it already: hashing them told, or the journal.</param>
/// <param name="Known">Those of them that the journal told of, and were not read.</param>
/// <param name="Skipped">Are not regular.</param>
/// <param name="LeftOut">Are no programs, where only those were asked for.</param>
/// <param name="Bytes">Were hashed.</param>
/// <param name="Failed">Could not be labelled.</param>
/// <param name="Causes">Why.</param>
/// <param name="DryRun">Nothing was written.</param>
/// <param name="GoOn">It was interrupted: how it is gone on with.</param>
sealed record LabelReport(
    string Hash, long Labelled, long Unchanged, long Known, long Skipped, long LeftOut, long Bytes, int Failed,
    IReadOnlyList<ProblemGroup> Causes, bool DryRun, string? GoOn)
{
    const int MostExamples = 3;

    public static LabelReport Make(LabelCounts counts, TreeProblems problems, LabelSettings settings, string? goOn) => new(
        settings.Algorithm.Name, counts.Labelled, counts.Unchanged + counts.Known, counts.Known, counts.Others,
        counts.LeftOut, counts.Bytes, problems.Count, problems.Groups, settings.DryRun != null, goOn);

    public string ToJson() => JsonSerializer.Serialize(this, LabelJson.Default.LabelReport);

    public string ToText()
    {
        var text = new StringBuilder();
        string verb = DryRun ? "would label" : "labelled";
        Line(text, $"{verb} {Counted.Of(Labelled, "file")} with {Hash}, skipped {Skipped} that {(Skipped == 1 ? "is" : "are")} not regular, failed on {Failed}");
        if (Unchanged > 0)
        {
            string known = Known > 0
                ? string.Create(CultureInfo.InvariantCulture, $", {Known} of them by the journal, without reading them")
                : "";
            Line(text, $"unchanged  {Unchanged} had their label{known}");
        }

        if (LeftOut > 0)
        {
            Line(text, $"left out   {LeftOut} that nobody may execute and that are no ELF files");
        }

        foreach (ProblemGroup group in Causes)
        {
            string more = group.Count > MostExamples ? ", …" : "";
            Line(text, $"failed     {group.Count}: {group.Cause}: {string.Join(", ", group.Examples.Take(MostExamples))}{more}");
        }

        if (GoOn != null)
        {
            Line(text, $"stopped    before the end; go on: {GoOn}");
        }

        return text.ToString().TrimEnd('\n');
    }

    static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LabelReport))]
sealed partial class LabelJson : JsonSerializerContext;
