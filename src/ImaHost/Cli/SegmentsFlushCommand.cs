using System.CommandLine;
using System.Globalization;
using ImaHost.Daemon;

namespace ImaHost.Cli;

/// <summary>
/// <c>imahost segments flush</c>: has the running host seal and export everything up to now, and waits for that if it is asked to.
/// </summary>
static class SegmentsFlushCommand
{
    const int UsualSeconds = 60;
    const int MostSeconds = 24 * 3600;
    const int PollMilliseconds = 200;

    static readonly Option<string?> Wait = new("--wait")
    {
        Description = $"wait until everything is sealed, exported and handed to the hook, so many seconds at most ({UsualSeconds})",
        Arity = ArgumentArity.ZeroOrOne,
    };

    static readonly Option<bool> Hook = new("--hook")
    {
        Description = "do not wait for the timer that runs the hook: run it now, if there is one",
    };

    public static Command Create(Option<string> config)
    {
        var command = new Command("flush", "Have the running host seal and export everything up to now.")
        {
            SegmentsCommand.State, Wait, Hook, config,
        };
        command.SetAction(parsed => Flush(parsed, config));
        return command;
    }

    static int Flush(ParseResult parsed, Option<string> config)
    {
        string state = parsed.GetValue(SegmentsCommand.State)!;
        bool waits = parsed.GetResult(Wait) != null;
        SegmentsHook? hook = null;
        TimeSpan limit = waits ? ReadLimit(parsed.GetValue(Wait)) : TimeSpan.Zero;
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        if (parsed.GetValue(Hook) && SegmentsHook.FindCommand(parsed.GetValue(config)!) is { } command)
        {
            hook = new SegmentsHook(command, waits ? end : null);
        }

        string answer = ControlSocket.MustAsk(state, "segments flush");
        return waits ? Await(state, hook, end, limit)
            : hook?.Run(state, SegmentsHook.ListsOf(state)) == false ? ExitStatus.No
            : SegmentsUpkeepCommand.Tell(answer);
    }

    /// <exception cref="ConfigurationException">That is no number of seconds.</exception>
    static TimeSpan ReadLimit(string? words) =>
        words == null ? TimeSpan.FromSeconds(UsualSeconds)
        : int.TryParse(words, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds <= MostSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new ConfigurationException($"--wait: \"{words}\" is no number of seconds up to {MostSeconds}");

    static int Await(string state, SegmentsHook? hook, long end, TimeSpan limit)
    {
        for (;;)
        {
            // What it has refused once is not handed to it again now.
            hook = hook?.Run(state, SegmentsHook.ListsOf(state)) == true ? hook : null;
            string left = ControlSocket.MustAsk(state, "segments left");
            if (left == "ok\n")
            {
                return ExitStatus.Yes;
            }

            if (Environment.TickCount64 >= end)
            {
                CommandLine.Complain(string.Create(
                    CultureInfo.InvariantCulture,
                    $"after {limit.TotalSeconds:0} s there is left: {left.TrimEnd('\n').Replace("error: ", "", StringComparison.Ordinal)}"));
                return ExitStatus.No;
            }

            Thread.Sleep(PollMilliseconds);
        }
    }
}
