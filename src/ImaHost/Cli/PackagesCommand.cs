using System.CommandLine;
using ImaHost.Packages;
using Spectre.Console;

namespace ImaHost.Cli;

/// <summary><c>imahost packages</c>: lists of what packages bring, kept in step with dpkg and rpm.</summary>
static class PackagesCommand
{
    static readonly Argument<string> Manager = new("manager")
    {
        Description = "dpkg or rpm; that of this machine, if it is not said",
        Arity = ArgumentArity.ZeroOrOne,
    };

    static readonly Option<string> Root = new("--root")
    {
        Description = "packages of another root directory",
        DefaultValueFactory = _ => "/",
    };

    static readonly Argument<string[]> Archives = new("archive")
    {
        Description = ".deb or .rpm files that are about to be installed",
        Arity = ArgumentArity.OneOrMore,
    };

    static readonly Option<bool> Verbose = new("--verbose") { Description = "name each file that is not recorded" };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    public static Command Create() => new("packages", "Keep lists of what installed packages vouch for.")
    {
        CreateImport(), CreateRecord(), CreateReconcile(), PackageHookCommand.CreateDpkg(), PackageHookCommand.CreateRpm(),
    };

    static Command CreateImport()
    {
        var command = new Command("import", "Make the lists of installed packages that have none.")
        {
            Manager, Root, Verbose, Json, PackageSettings.State,
        };
        command.SetAction(Import);
        return command;
    }

    static Command CreateRecord()
    {
        var command = new Command("record", "Make the lists of archives before they are installed.")
        {
            Archives, Root, Json, PackageSettings.State,
        };
        command.SetAction(Record);
        return command;
    }

    static Command CreateReconcile()
    {
        var command = new Command("reconcile", "Have lists expire whose packages are not installed any more.")
        {
            PackageSettings.Grace, Json, PackageSettings.State,
        };
        command.SetAction(Reconcile);
        return command;
    }

    static int Import(ParseResult parsed)
    {
        PackageSettings settings = PackageSettings.Of(parsed);
        string root = RootOf(parsed);
        string manager = parsed.GetValue(Manager) ?? (Directory.Exists(Path.Join(root, DpkgDatabase.Directory)) ? "dpkg" : "rpm");
        var store = new PackageStore(settings.Directory);
        var report = new ImportReport(manager);
        using (PackageImport import = PackageImport.Of(manager, root, settings.Check))
        {
            Follow("importing", (begin, step) => import.Run(store, begin, imported =>
            {
                report.Add(imported);
                step();
            }));
        }

        report.Print(parsed.GetValue(Verbose), parsed.GetValue(Json));
        Load(settings.Directory);
        return report.HasChangedFiles ? ExitStatus.No : ExitStatus.Yes;
    }

    static int Record(ParseResult parsed)
    {
        PackageSettings settings = PackageSettings.Of(parsed);
        Recording recording = new ArchiveRecorder(new PackageStore(settings.Directory)).Record(
            parsed.GetValue(Archives)!, RootOf(parsed), installer: null, DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
            settings.Check);
        PackagesReport.Print(recording, parsed.GetValue(Json));
        Load(settings.Directory);
        return recording.Problems.Count == 0 ? ExitStatus.Yes : ExitStatus.No;
    }

    static int Reconcile(ParseResult parsed)
    {
        PackageSettings settings = PackageSettings.Of(parsed);
        Reconciliation result = new Reconciler(new PackageStore(settings.Directory), settings.Seconds)
            .Reconcile(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        PackagesReport.Print(result, parsed.GetValue(Json));
        if (result.HasChanges)
        {
            Load(settings.Directory);
        }

        return result.Problems.Count == 0 ? ExitStatus.Yes : ExitStatus.No;
    }

    static string RootOf(ParseResult parsed) =>
        Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetValue(Root)!));

    /// <summary>A host that runs shall follow what changed. That none runs is no mistake.</summary>
    static void Load(string state)
    {
        if (PackageHookCommand.Load(state) is { } problem)
        {
            CommandLine.Complain(problem);
        }
    }

    /// <summary>Shows how far a work of so many steps has come, where somebody looks.</summary>
    static void Follow(string what, Action<Action<int>, Action> work)
    {
        if (Console.IsErrorRedirected)
        {
            work(_ => { }, () => { });
            return;
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().AutoClear(true).Start(context =>
        {
            ProgressTask task = context.AddTask(what);
            work(count => task.MaxValue = Math.Max(count, 1), () => task.Increment(1));
        });
    }
}
