using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.MeasurementList;

namespace ImaHost.Cli;

/// <summary><c>imahost stop --open</c>: ends the service in good order, and says what is not covered any more.</summary>
static class StopCommand
{
    const string Error = "error: ";

    /// <summary>More than the guard waits for the host.</summary>
    const int MostMilliseconds = 10_000;

    const int LookMilliseconds = 20;

    static readonly Option<bool> Open = new("--open")
    {
        Description = "yes, open the gate: what runs from then on is neither measured nor appraised",
    };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    public static Command Create()
    {
        var command = new Command("stop", "End the service, which opens the gate.") { Open, State, Json };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        if (!parsed.GetValue(Open))
        {
            CommandLine.Complain(
                "to stop opens the gate: whatever runs from then on is neither measured nor appraised."
                + " If you mean it: imahost stop --open");
            return ExitStatus.Usage;
        }

        string state = parsed.GetValue(State)!;
        int guard = ProcessImage.HolderOfLock(StateDirectory.LockIn(state));
        if (guard == 0 && CodeGates.Open())
        {
            Console.WriteLine("no service runs; the BPF programs that one has left are taken away: nothing is refused any more");
            return ExitStatus.Yes;
        }

        StopResult result = Order(state, guard);
        if (!HasEnded(state, guard))
        {
            throw new TimeoutException(string.Create(
                CultureInfo.InvariantCulture,
                $"the service was told to stop and did not within {MostMilliseconds / 1000} s; {Way(guard)}"));
        }

        Report(result, parsed.GetValue(Json));
        return ExitStatus.Yes;
    }

    static StopResult Order(string state, int guard)
    {
        try
        {
            string answer = ControlSocket.MustAsk(state, "status");
            if (guard == 0)
            {
                throw new ConfigurationException($"{StateDirectory.LockIn(state)} does not say which process the guard is");
            }

            StatusReport status = JsonSerializer.Deserialize(answer, StatusJson.Default.StatusReport)!;
            return new StopResult(status.Watch, status.Accesses.Cached, status.List.Entries, TellSupervised(state));
        }
        catch (ConfigurationException e) when (guard != 0)
        {
            throw new ConfigurationException($"{e.Message}; {Way(guard)}");
        }
    }

    /// <summary>The host may be gone before it has answered: what counts is whether the service ends.</summary>
    static bool TellSupervised(string state)
    {
        try
        {
            string answer = ControlSocket.Ask(state, "stop");
            return answer.StartsWith(Error, StringComparison.Ordinal)
                ? throw new ConfigurationException(answer[Error.Length..].TrimEnd())
                : answer.Contains("supervised", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static string Way(int guard) =>
        string.Create(CultureInfo.InvariantCulture, $"the guard is process {guard}: kill -TERM {guard} opens the gate");

    /// <summary>Whoever restarts it takes the lock again, as another process.</summary>
    static bool HasEnded(string state, int guard)
    {
        long end = Environment.TickCount64 + MostMilliseconds;
        while (ProcessImage.HolderOfLock(StateDirectory.LockIn(state)) == guard)
        {
            if (Environment.TickCount64 > end)
            {
                return false;
            }

            Thread.Sleep(LookMilliseconds);
        }

        return true;
    }

    static void Report(StopResult result, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(result, StopJson.Default.StopResult));
            return;
        }

        Console.WriteLine("stopped    the gate is open: nothing is measured or appraised any more");
        foreach (string watched in result.Watch)
        {
            Console.WriteLine($"uncovered  {watched}");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"verdicts   {result.Cached} were kept"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"list       {result.Entries} entries, and then imahost-stop"));
        if (result.Supervised)
        {
            Console.WriteLine("again      systemd starts it again, unless it was told to stop it: systemctl stop imahost");
        }
    }
}

/// <summary>The outcome of <c>imahost stop --json</c>: words of <c>imahost status</c>.</summary>
/// <param name="Watch">What is not covered any more.</param>
/// <param name="Cached">Verdicts that the kernel held.</param>
/// <param name="Entries">In the list when the stop was ordered.</param>
/// <param name="Supervised">A service manager started it, and may start it again.</param>
sealed record StopResult(IReadOnlyList<string> Watch, ulong Cached, long Entries, bool Supervised);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(StopResult))]
sealed partial class StopJson : JsonSerializerContext;
