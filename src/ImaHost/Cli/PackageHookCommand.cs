using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using ImaHost.Daemon;
using ImaHost.Packages;

namespace ImaHost.Cli;

/// <summary>
/// What package managers run. It warns and never fails, unless told to: a host that cannot vouch for a package must not be
/// why it cannot be installed.
/// </summary>
static class PackageHookCommand
{
    static readonly Argument<string> When = new("when") { Description = "pre or post: before or after dpkg does its work" };

    static readonly Option<bool> Strict = new("--strict")
    {
        Description = "fail when something could not be recorded, so that it is not installed",
    };

    /// <summary><c>imahost packages dpkg-hook</c>, for dpkg.cfg.</summary>
    public static Command CreateDpkg()
    {
        var command = new Command("dpkg-hook", "What dpkg runs before and after its work.")
        {
            When, PackageSettings.Grace, Strict, PackageSettings.State,
        };
        command.SetAction(parsed => Guarded(parsed, settings => OnDpkg(parsed.GetValue(When)!, settings)));
        return command;
    }

    /// <summary><c>imahost packages rpm-hook</c>, for a file trigger of rpm.</summary>
    public static Command CreateRpm()
    {
        var command = new Command("rpm-hook", "What rpm runs when files were installed; their names come on standard input.")
        {
            PackageSettings.Grace, Strict, PackageSettings.State,
        };
        command.SetAction(parsed => Guarded(parsed, OnRpm));
        return command;
    }

    /// <summary>Has the running host load the lists, and waits until they are in force.</summary>
    /// <param name="patience">For how long, milliseconds.</param>
    /// <returns>Why it did not; null: it did, or there is no host.</returns>
    public static string? Load(string state, int patience = VoucherLoader.PatienceMilliseconds)
    {
        try
        {
            string answer = ControlSocket.Ask(state, VoucherLoader.Request, patience: patience).Trim();
            return answer.StartsWith("error", StringComparison.Ordinal) ? $"the host did not load the lists: {answer}" : null;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the host has not loaded the lists within {patience / 1000.0} s: files of new packages are denied until it has");
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.AddressNotAvailable
            || !Path.Exists(ControlSocket.PathIn(state)))
        {
            return null;
        }
        catch (SocketException e)
        {
            return $"the host does not answer whether it loaded the lists: {e.Message}";
        }
    }

    static List<string> OnDpkg(string when, PackageSettings settings) => when switch
    {
        "pre" => BeforeDpkg(settings),
        "post" => Settle(settings, DpkgRun.Find()?.Process, isNew: false),
        _ => [$"dpkg-hook takes pre or post, not \"{when}\""],
    };

    static List<string> BeforeDpkg(PackageSettings settings)
    {
        DpkgRun? run = DpkgRun.Find();
        if (run == null)
        {
            return ["dpkg-hook pre was not started by dpkg: there is nothing to record"];
        }

        IReadOnlyList<string> archives = run.FindArchives();
        if (archives.Count == 0)
        {
            return [];
        }

        Recording recording = new ArchiveRecorder(new PackageStore(settings.Directory)).Record(
            archives, run.Root, run.Process, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        return [.. recording.Problems, .. Loaded(settings.Directory)];
    }

    static List<string> OnRpm(PackageSettings settings)
    {
        var store = new PackageStore(settings.Directory);
        var database = new RpmDatabase("/");
        var problems = new List<string>();
        bool isNew = false;

        // A trigger runs for one package at a time: its first file that is no directory, and so nobody else's, tells which.
        foreach (RpmHeader header in ReadLines().Where(IsNoDirectory).Take(1).SelectMany(database.ReadOwners))
        {
            if (!store.Has(header.Package))
            {
                isNew = true;
                RpmArchive archive = RpmArchive.OfHeader(header, settings.Check);
                problems.AddRange(archive.Refused);
                using IDisposable held = store.Lock();
                _ = store.Put(archive.List);
            }
        }

        return [.. problems, .. Settle(settings, done: null, isNew)];
    }

    static IEnumerable<string> ReadLines()
    {
        while (Console.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    static bool IsNoDirectory(string path) => !Directory.Exists(path) || new DirectoryInfo(path).LinkTarget != null;

    /// <param name="isNew">There are lists that the host does not know yet.</param>
    static List<string> Settle(PackageSettings settings, ProcessIdentity? done, bool isNew)
    {
        Reconciliation result = new Reconciler(new PackageStore(settings.Directory), settings.Seconds)
            .Reconcile(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), done);
        return isNew || result.HasChanges ? [.. result.Problems, .. Loaded(settings.Directory)] : [.. result.Problems];
    }

    static IEnumerable<string> Loaded(string state) => Load(state) is { } problem ? [problem] : [];

    static int Guarded(ParseResult parsed, Func<PackageSettings, List<string>> hook)
    {
        List<string> problems;
        try
        {
            problems = hook(PackageSettings.Of(parsed));
        }
        catch (Exception e) when (e is PackageException or IOException or UnauthorizedAccessException or NotSupportedException
            or InvalidOperationException or ArgumentException or FormatException or ConfigurationException
            or System.ComponentModel.Win32Exception)
        {
            problems = [e.Message];
        }

        problems.ForEach(problem => CommandLine.Complain($"warning: {problem}"));
        return parsed.GetValue(Strict) && problems.Count > 0 ? ExitStatus.No : ExitStatus.Yes;
    }
}
