using System.CommandLine;
using ImaHost.Daemon;
using ImaHost.Learning;
using ImaHost.MeasurementList;
using ImaHost.Packages;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary>Exit statuses of every command.</summary>
static class ExitStatus
{
    public const int Yes = 0;
    public const int No = 1;
    public const int Usage = 2;
}

/// <summary>The program's commands, each in a file of its own.</summary>
static class CommandLine
{
    public static int Run(string[] arguments)
    {
        var root = new RootCommand("The kernel's Integrity Measurement Architecture as a user-space host.")
        {
            DaemonCommand.Create(),
            StatusCommand.Create(),
            WhyCommand.Create(),
            RestartCommand.Create(),
            StopCommand.Create(),
            DoctorCommand.Create(),
            ListCommand.Create(),
            VerifyCommand.Create(),
            QuoteCommand.Create(),
            EvidenceCommand.Create(),
            SegmentsCommand.Create(),
            MeasureCommand.Create(),
            PolicyCommand.Create(),
            ReferenceCommand.Create(),
            LabelCommand.Create(),
            PackagesCommand.Create(),
            AuditCommand.Create(),
            LearnCommand.Create(),
        };
        ParseResult parsed = root.Parse(arguments);
        List<string> errors = [.. UnknownOptions(root, arguments), .. parsed.Errors.Select(error => error.Message)];
        if (errors.Count > 0)
        {
            errors.ForEach(Complain);
            Complain("see imahost --help");
            return ExitStatus.Usage;
        }

        return Guarded(() => parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
    }

    /// <summary>The parser takes an option it does not know for a path, and `label` would write to what follows.</summary>
    static IEnumerable<string> UnknownOptions(RootCommand root, string[] arguments)
    {
        var known = Below(root).SelectMany(command => command.Options)
            .SelectMany(option => option.Aliases.Append(option.Name)).ToHashSet(StringComparer.Ordinal);
        return arguments.TakeWhile(word => word != "--")
            .Where(word => word.Length > 1 && word[0] == '-' && !known.Contains(word.Split('=')[0]))
            .Select(word => $"there is no option {word} (a path that begins with \"-\" goes after \"--\")");
    }

    /// <summary>A command and all it consists of.</summary>
    static IEnumerable<Command> Below(Command command) => command.Subcommands.SelectMany(Below).Prepend(command);

    /// <summary>One line; it may name a file whose name somebody chose.</summary>
    public static void Complain(string message) => Console.Error.WriteLine($"imahost: {EntryName.ToLine(message)}");

    /// <summary>A broken environment ends the command with one line that says what is wrong and where.</summary>
    static int Guarded(Func<int> run)
    {
        try
        {
            return run();
        }
        catch (Exception e) when (e is ConfigurationException or PolicyException or ListException or RecordException
            or IOException or UnauthorizedAccessException or TimeoutException or InvalidOperationException
            or NotSupportedException or PcrFormatException or PackageException or DraftException or ArgumentException)
        {
            Complain(e.Message.Split('\n')[0]);
            return ExitStatus.Usage;
        }
    }
}
