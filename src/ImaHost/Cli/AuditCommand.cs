using System.CommandLine;
using ImaHost.Trees;

namespace ImaHost.Cli;

/// <summary><c>imahost audit</c>: what a host that enforces would deny in a tree, found out without running anything.</summary>
static class AuditCommand
{
    static readonly Argument<string[]> Paths = new("path")
    {
        Description = "files, or directories that are looked through on their filesystem",
        Arity = ArgumentArity.OneOrMore,
    };

    static readonly Option<bool> Failed = new("--failed") { Description = "list only what would be denied or logged" };

    static readonly Option<int> Jobs = TreeOptions.CreateJobs();

    static readonly Option<bool> Json = new("--json") { Description = "print one JSON object for each file, and the summary" };

    static readonly JudgeOptions Judge = new();

    public static Command Create()
    {
        var command = new Command("audit", "Say what enforcing would deny in a tree.") { Paths, Failed, Jobs, Json };
        Judge.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string[] paths = parsed.GetValue(Paths)!;
        if (Array.Find(paths, path => !Path.Exists(path)) is { } missing)
        {
            CommandLine.Complain($"{missing}: there is no such file or directory");
            return ExitStatus.Usage;
        }

        AuditSettings settings = Judge.Read(parsed, out _);
        using var stop = new StopSignal();
        using Stream output = Console.OpenStandardOutput();
        using var report = new AuditReport(output, parsed.GetValue(Json), parsed.GetValue(Failed));
        var problems = new TreeProblems(report.AddProblem);
        new TreeAuditor(settings, problems, report.Add).Run(paths, parsed.GetValue(Jobs), stop.Token);
        report.Finish(problems, stop.IsStopped);
        return report.IsClean && problems.Count == 0 && !stop.IsStopped ? ExitStatus.Yes : ExitStatus.No;
    }
}
