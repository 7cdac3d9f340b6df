using System.Diagnostics;
using System.Globalization;
using ImaHost.Daemon;
using ImaHost.Segments;

namespace ImaHost.Cli;

/// <summary>
/// Hands sealed segments to the command of the configuration: list by list, each segment once and in order. One process at
/// a time does so. What the command refuses is handed to it again next time, and nothing that follows before it.
/// </summary>
/// <param name="command">The program and its arguments.</param>
/// <param name="until">
/// When it has to have ended, by <see cref="Environment.TickCount64"/>: what it was given then counts as refused. Null: no limit.
/// </param>
sealed class SegmentsHook(IReadOnlyList<string> command, long? until)
{
    const int PollMilliseconds = 100;

    /// <summary>EWOULDBLOCK: what flock(2) fails with where another process holds the lock.</summary>
    const int Busy = 11;

    /// <returns>Null: no command is configured.</returns>
    public static IReadOnlyList<string>? FindCommand(string config) =>
        ConfigurationFile.Read(config, required: true).Log.Export?.Command is { Count: > 0 } command ? command : null;

    /// <summary>All lists, oldest first, the current one last.</summary>
    public static IReadOnlyList<string> ListsOf(string state)
    {
        string current = SegmentsCommand.Locate(state, null);
        return [.. ListsByName.In(state).Where(list => list != current), current];
    }

    /// <returns>True when it has had everything.</returns>
    public bool Run(string state, IReadOnlyList<string> lists)
    {
        using FileStream? turn = TakeTurn(Path.Combine(state, "hook.lock"));
        return turn != null && lists.All(HandOver);
    }

    /// <summary>Two at once would hand over the same.</summary>
    FileStream? TakeTurn(string path)
    {
        for (;;)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.HResult == Busy)
            {
                if (Environment.TickCount64 >= until)
                {
                    CommandLine.Complain($"another process hands segments to {command[0]}, and has not come to an end");
                    return null;
                }

                Thread.Sleep(PollMilliseconds);
            }
        }
    }

    bool HandOver(string list)
    {
        int next = HookProgress.Read(list, CommandLine.Complain);
        for (; File.Exists(SegmentFiles.Manifest(list, next)); HookProgress.Write(list, ++next))
        {
            if (File.Exists(SegmentFiles.Data(list, next)) && Refuse(SegmentFiles.Data(list, next)) is { } why)
            {
                CommandLine.Complain(string.Create(
                    CultureInfo.InvariantCulture, $"{command[0]} {why}: segment {next} of {list} is handed to it again next time"));
                return false;
            }
        }

        return true;
    }

    /// <returns>Null: it has taken it.</returns>
    string? Refuse(string segment)
    {
        using Process hook = Process.Start(command[0], [.. command.Skip(1), segment]);
        if (until is not { } end)
        {
            hook.WaitForExit();
        }
        else if (!hook.WaitForExit((int)Math.Max(end - Environment.TickCount64, 0)))
        {
            hook.Kill(entireProcessTree: true);
            hook.WaitForExit();
            return "did not end in time and was killed";
        }

        return hook.ExitCode == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"has ended with status {hook.ExitCode}");
    }
}
