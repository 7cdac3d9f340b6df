using System.CommandLine;
using System.Text.Json;
using ImaHost.Daemon;
using ImaHost.Template;

namespace ImaHost.Cli;

/// <summary><c>imahost why</c>: why a file was denied, what has changed, and what would allow it.</summary>
static class WhyCommand
{
    /// <summary>Files of a process that are told of at length.</summary>
    const int MostFiles = 8;

    static readonly Argument<string> What = new("what") { Description = WhyTarget.Forms };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<int> Last = new("--last")
    {
        Description = "decisions that are shown at most",
        DefaultValueFactory = _ => 5,
    };

    static readonly Option<string?> Config = new("--config")
    {
        Description = $"the configuration file, where no host runs ({DaemonCommand.DefaultConfiguration})",
    };

    public static Command Create()
    {
        var command = new Command("why", "Say why a file was denied, and what would allow it.") { What, State, Json, Last, Config };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(Last) < 0)
        {
            throw new ConfigurationException("--last takes a number from 0");
        }

        WhyContext context = WhyContext.Load(
            parsed.GetValue(State)!, parsed.GetValue(Config), DaemonCommand.DefaultConfiguration);
        WhyTarget target = WhyTarget.Of(parsed.GetValue(What)!, parsed.GetValue(State)!, context.History);
        var explainer = new Explainer(context);
        WhyReport[] reports = [.. target.Paths.Select(path => explainer.Explain(path, parsed.GetValue(Last)))];
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(reports, WhyJson.Default.WhyReportArray));
        }
        else
        {
            Print(target, reports, parsed.GetValue(Last));
        }

        return StatusOf(target, reports);
    }

    static void Print(WhyTarget target, WhyReport[] reports, int last)
    {
        if (target.Heading != null)
        {
            Console.WriteLine(EntryName.ToLine(target.Heading));
        }

        foreach (Appraisal.DecisionRecord record in target.Decisions.TakeLast(last))
        {
            Console.WriteLine(EntryName.ToLine($"  {WhyText.Of(record)} \"{record.Path}\""));
        }

        IEnumerable<WhyReport> told = reports.Where(report => target.IsOne || IsBad(report)).Take(MostFiles);
        foreach (string line in told.SelectMany(WhyText.Lines))
        {
            Console.WriteLine(line);
        }

        int fine = reports.Count(report => !(target.IsOne || IsBad(report)));
        if (fine > 0)
        {
            Console.WriteLine($"{Counted.Of(fine, "file that it runs or has mapped would be allowed, or is", "files that it runs or has mapped would be allowed, or are")} not asked about");
        }
    }

    static bool IsBad(WhyReport report) => report.Verdict is WhyVerdict.Denied or WhyVerdict.WouldDeny;

    /// <summary>Whoever is not there any more is nobody's answer, unless nothing else was asked about.</summary>
    static int StatusOf(WhyTarget target, WhyReport[] reports) =>
        reports.Any(report => report.Verdict == WhyVerdict.Denied) ? ExitStatus.No
        : target.IsOne && reports.Any(report => report.Verdict == WhyVerdict.Unknown) ? ExitStatus.Usage
        : ExitStatus.Yes;
}
