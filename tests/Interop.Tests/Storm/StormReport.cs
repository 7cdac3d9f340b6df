using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests.Storm;

/// <summary>The figures of the storms and attacks of this run, in build/tests/results/storm.md.</summary>
static class StormReport
{
    static readonly SortedDictionary<string, string> Sections = new(StringComparer.Ordinal);

    /// <summary>Adds a table of what was counted.</summary>
    public static void Add(string title, string intent, IEnumerable<(string What, string Figure)> figures)
    {
        Sections[title] = $"## {title}\n\n{intent}\n\n| what | figure |\n|---|---|\n"
            + string.Concat(figures.Select(row => $"| {row.What} | {row.Figure} |\n"));
        string results = Path.Combine(Bench.Build, "tests/results");
        Directory.CreateDirectory(results);
        File.WriteAllText(
            Path.Combine(results, "storm.md"),
            $"# Storms and attacks, Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}\n\n{string.Join('\n', Sections.Values)}");
        TestContext.Current.SendDiagnosticMessage(Sections[title]);
    }
}
