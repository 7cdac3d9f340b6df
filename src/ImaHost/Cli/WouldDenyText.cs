using System.Globalization;
using System.Text.Json;
using ImaHost.Appraisal;
using ImaHost.Daemon;
using ImaHost.Template;

namespace ImaHost.Cli;

/// <summary>Shows what enforce would deny.</summary>
static class WouldDenyText
{
    public static int Show(string state, bool json)
    {
        // What is not on disk yet is asked for; a stopped host has left all it will.
        bool isRunning = WhyContext.AskRunning(state) != null;
        var report = WouldDenyReport.Of(DecisionHistory.Read(state)) with { Code = isRunning ? AskForCode(state) : [] };
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(report, WouldDenyJson.Default.WouldDenyReport));
            return ExitStatus.Yes;
        }

        foreach (string line in Lines(report))
        {
            Console.WriteLine(line);
        }

        Console.WriteLine(report.Files == 0
            ? "enforce would deny nothing that was accessed, as far as the record goes back"
            : $"enforce would deny {Counted.Of(report.Files, "file")} in {Counted.Of(report.Directories.Count, "directory", "directories")} ({Accesses(report.Count)})");
        if (report.Dropped > 0)
        {
            CommandLine.Complain($"{Counted.Of(report.Dropped, "decision is", "decisions are")} not in the record: its disk was full or too slow");
        }

        return ExitStatus.Yes;
    }

    /// <summary>Names are whatever somebody made of them: each line is made safe for a terminal.</summary>
    internal static IEnumerable<string> Lines(WouldDenyReport report) =>
        report.Directories.SelectMany(Lines).Concat(report.Code.Select(refusal => refusal.Text)).Select(EntryName.ToLine);

    static IReadOnlyList<CodeRefusal> AskForCode(string state) => JsonSerializer.Deserialize(
        ControlSocket.MustAsk(state, "status"), StatusJson.Default.StatusReport)!.Bpf.Refusals;

    static IEnumerable<string> Lines(WouldDenyDirectory directory)
    {
        yield return $"{directory.Directory}: {Counted.Of(directory.Files.Count, "file")}, {Accesses(directory.Count)}";
        foreach (WouldDenyFile file in directory.Files)
        {
            string package = file.Package == null ? "" : $", package {file.Package}";
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"  {Path.GetFileName(file.Path)}: {file.Cause}, {Counted.Of(file.Count, "time")}, last on {file.Last:yyyy-MM-dd HH:mm:ss} UTC{package}");
        }
    }

    static string Accesses(long count) => Counted.Of(count, "access", "accesses");
}
