using System.Globalization;
using System.Net.Sockets;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.Learning;
using ImaHost.Policy;

namespace ImaHost.Cli;

/// <summary>Puts a draft where it is in force, once somebody has agreed.</summary>
static class DraftInstaller
{
    const UnixFileMode ReadableByAll =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>A draft nobody has looked at must not be in force by where it lies.</summary>
    /// <exception cref="ConfigurationException">It would be.</exception>
    public static void RequireNotInForce(string path, DaemonOptions options)
    {
        string full = Path.GetFullPath(path);
        IEnumerable<string> inForce =
        [
            .. options.Reference, .. new DaemonOptions().Reference, .. options.Policy, .. PolicyDirectories.Standard,
            Path.Combine(options.State, "packages"),
        ];
        if (inForce.FirstOrDefault(place => place.StartsWith('/') && IsAtOrBelow(full, place)) is { } found)
        {
            throw new ConfigurationException($"{path}: what lies in {found} is in force; write the draft elsewhere");
        }
    }

    static bool IsAtOrBelow(string path, string place)
    {
        for (string? part = path; part != null; part = Path.GetDirectoryName(part))
        {
            if (part == Path.TrimEndingDirectorySeparator(place) || IsSame(part, place))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>By whatever links.</summary>
    static bool IsSame(string one, string other) =>
        FileStat.TryOfPath(one, out FileStat first) && FileStat.TryOfPath(other, out FileStat second)
        && (first.Inode, first.DeviceMajor, first.DeviceMinor) == (second.Inode, second.DeviceMajor, second.DeviceMinor);

    /// <summary>Asks, writes and has a running host load it.</summary>
    /// <param name="into">The file's name or path; null: the draft's name, in the administrator's directory.</param>
    /// <param name="yes">It is not asked.</param>
    /// <exception cref="ConfigurationException">The place does not fit, or there is nobody to ask.</exception>
    public static int Install(Review review, DaemonOptions options, string? into, bool yes)
    {
        string path = PlaceOf(review.Draft, options, into);
        string replaced = File.Exists(path) ? ", which replaces what is there" : "";
        if (!yes && !Agrees($"put this in force as {path}{replaced}?"))
        {
            CommandLine.Complain("nothing was changed");
            return ExitStatus.No;
        }

        Write(path, DraftText.Strip(File.ReadAllBytes(review.Draft.File)));
        Console.WriteLine($"accepted   {path}");
        if (review.Draft.Kind == DraftKind.Policy)
        {
            Console.WriteLine("next       these rules are in force at the next start, or now by: imahost policy load");
            return ExitStatus.Yes;
        }

        return Load(path, options);
    }

    static string PlaceOf(Draft draft, DaemonOptions options, string? into)
    {
        string home = draft.Kind == DraftKind.Policy
            ? PolicyDirectories.Standard[^1]
            : options.Reference.LastOrDefault(place => !File.Exists(place)) ?? new DaemonOptions().Reference[^1];
        string name = into ?? Path.GetFileNameWithoutExtension(draft.File) + draft.Ending;
        string path = name.Contains('/', StringComparison.Ordinal) ? Path.GetFullPath(name) : Path.Combine(home, name);
        return path.EndsWith(draft.Ending, StringComparison.Ordinal)
            ? path
            : throw new ConfigurationException($"--into {name}: the name of such a file ends in {draft.Ending}");
    }

    static bool Agrees(string question)
    {
        if (Console.IsInputRedirected)
        {
            throw new ConfigurationException("there is nobody to ask: look at the review, then give --yes");
        }

        Console.Write($"{question} [y/N] ");
        return Console.ReadLine()?.Trim().ToUpperInvariant() is "Y" or "YES";
    }

    /// <summary>As a whole or not at all: it takes the place of the old one when it is on disk.</summary>
    static void Write(string path, byte[] content)
    {
        string directory = Path.GetDirectoryName(path)!;
        _ = Directory.CreateDirectory(directory);
        string draft = Path.Combine(
            directory,
            string.Create(CultureInfo.InvariantCulture, $".{Path.GetFileName(path)}.{Environment.ProcessId}.new"));
        try
        {
            using (var file = new FileStream(draft, FileMode.Create, FileAccess.Write))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.SetUnixFileMode(draft, ReadableByAll);
            File.Move(draft, path, overwrite: true);
        }
        finally
        {
            File.Delete(draft);
        }
    }

    static int Load(string path, DaemonOptions options)
    {
        if (options.ReferenceKeys.Count > 0)
        {
            Console.WriteLine($"next       lists must be signed here (reference_keys): write {path}.sig, then load it");
        }

        try
        {
            string[] answer = ControlSocket.Ask(options.State, VoucherLoader.Request)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries);
            foreach (string line in answer.Where(line => line != "ok"))
            {
                CommandLine.Complain(line);
            }

            bool isRefused = answer.Any(line => line != "ok" && line.Contains(path, StringComparison.Ordinal));
            Console.WriteLine(isRefused ? "loaded     the running host does not take it" : "loaded     by the running host");
            return isRefused ? ExitStatus.No : ExitStatus.Yes;
        }
        catch (SocketException)
        {
            Console.WriteLine("loaded     by no host: none runs, it counts from the next start on");
            return ExitStatus.Yes;
        }
    }
}
