using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;

namespace ImaHost.Benchmarks;

/// <summary>benchmarks/results/micro.md: our words, from intro.md and remarks.md beside the sources, around the tables.</summary>
static class Report
{
    public static void Write(string path, IReadOnlyList<Summary> summaries)
    {
        using var into = new StreamWriter(path);
        into.Write(Words("intro.md"));
        for (int i = 0; i < summaries.Count; i++)
        {
            string title = summaries[i].BenchmarksCases[0].Descriptor.Type.Name.Replace("Benchmarks", "", StringComparison.Ordinal);
            into.Write($"\n## {title}\n\n");
            string[] lines = Export(summaries[i]);
            if (i == 0)
            {
                // The machine, once.
                Write(into, lines.Where(line => !line.StartsWith('|')).Append(""));
            }

            Write(into, lines.Where(line => line.StartsWith('|')));
        }

        into.Write($"\n{Words("remarks.md")}");
    }

    static void Write(StreamWriter into, IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            into.Write($"{line}\n");
        }
    }

    static string[] Export(Summary summary)
    {
        var table = new AccumulationLogger();
        MarkdownExporter.GitHub.ExportToLog(summary, table);
        return [.. table.GetLog().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0)];
    }

    static string Words(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, name));
}
