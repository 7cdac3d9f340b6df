using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Daemon;

namespace ImaHost.Cli;

/// <summary><c>imahost restart</c>: what is installed now takes over, and nothing runs unjudged meanwhile.</summary>
static class RestartCommand
{
    const int PatienceMilliseconds = 20000;
    const int PollMilliseconds = 5;

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    public static Command Create()
    {
        var command = new Command("restart", "Have the installed guard and host take over from the running ones.")
        {
            State, Json,
        };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string state = parsed.GetValue(State)!;
        StatusReport before = StatusOf(ControlSocket.MustAsk(state, "status"));
        long begun = Stopwatch.GetTimestamp();
        string answer = ControlSocket.MustAsk(state, Renewal.Request).TrimEnd('\n');
        if (answer.StartsWith("error: ", StringComparison.Ordinal))
        {
            throw new ConfigurationException(answer["error: ".Length..]);
        }

        StatusReport after = AwaitOther(state, before.HostPid)
            ?? throw new TimeoutException($"no other host answers after {PatienceMilliseconds / 1000} s, see the log");
        var report = new RestartReport(
            answer, before.Version, after.Version, after.HostPid, after.List.Entries, after.Accesses.Cached,
            (long)Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        Console.WriteLine(
            parsed.GetValue(Json)
                ? JsonSerializer.Serialize(report, RestartJson.Default.RestartReport)
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"imahost {report.Version} goes on as process {report.HostPid} after {report.Milliseconds} ms:"
                    + $" {report.Entries} entries, {report.Cached} verdicts kept"));
        return ExitStatus.Yes;
    }

    static StatusReport? AwaitOther(string state, int before)
    {
        for (long end = Environment.TickCount64 + PatienceMilliseconds; Environment.TickCount64 < end;)
        {
            try
            {
                StatusReport now = StatusOf(ControlSocket.Ask(state, "status"));
                if (now.HostPid != before)
                {
                    return now;
                }
            }
            catch (Exception e) when (e is SocketException or JsonException)
            {
                // Neither of the two listens at this moment, or the old one died over its answer.
            }

            Thread.Sleep(PollMilliseconds);
        }

        return null;
    }

    static StatusReport StatusOf(string answer) => JsonSerializer.Deserialize(answer, StatusJson.Default.StatusReport)!;
}

/// <param name="What">What was replaced.</param>
/// <param name="Milliseconds">From the order to the first answer of the new host.</param>
sealed record RestartReport(
    string What, string VersionBefore, string Version, int HostPid, long Entries, ulong Cached, long Milliseconds);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(RestartReport))]
sealed partial class RestartJson : JsonSerializerContext;
