using System.CommandLine;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Segments;

namespace ImaHost.Cli;

/// <summary>
/// <c>imahost segments export, prune</c>. What concerns the list of a running host is done by that host; of other
/// lists by the command itself.
/// </summary>
static class SegmentsUpkeepCommand
{
    const string DefaultConfiguration = "/etc/imahost/imahost.yaml";

    static readonly Option<string?> Target = new("--target")
    {
        Description = "file:PATH (emptied), append:PATH or directory:PATH; of a running host it is the target from now on",
    };

    static readonly Option<bool> Hook = new("--hook")
    {
        Description = "run the command of the configuration (log: export: command:) for each segment of all lists, or of --list, that it has not had",
    };

    public static readonly Option<string> Config = new("--config")
    {
        Description = "the configuration with the hook's command",
        DefaultValueFactory = _ => DefaultConfiguration,
    };

    static readonly Option<string> Keep = new("--retention")
    {
        Description = "what is kept: keep:N, since:DURATION, or exported (erases what was exported)",
        Required = true,
    };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    public static Command CreateExport(Option<string?> list)
    {
        var command = new Command("export", "Copy sealed segments to a target, or hand them to a command.")
        {
            SegmentsCommand.State, list, Target, Hook, Config,
        };
        command.SetAction(parsed => Export(parsed, list));
        return command;
    }

    public static Command CreatePrune(Option<string?> list)
    {
        var command = new Command("prune", "Erase sealed segments, and say what nobody can verify any more.")
        {
            SegmentsCommand.State, list, Keep, Config, Json,
        };
        command.SetAction(parsed => Prune(parsed, list));
        return command;
    }

    static int Export(ParseResult parsed, Option<string?> list)
    {
        string state = parsed.GetValue(SegmentsCommand.State)!;
        string directory = SegmentsCommand.Locate(state, parsed.GetValue(list));
        if (parsed.GetValue(Hook))
        {
            string config = parsed.GetValue(Config)!;
            var hook = new SegmentsHook(
                SegmentsHook.FindCommand(config) ?? throw new ConfigurationException($"{config}: log: export: command: names no command"),
                until: null);
            return hook.Run(state, parsed.GetValue(list) == null ? SegmentsHook.ListsOf(state) : [directory])
                ? ExitStatus.Yes : ExitStatus.No;
        }

        string words = parsed.GetValue(Target) ?? throw new ConfigurationException("export where? Give --target or --hook");
        ExportTarget target = ExportTarget.TryParse(words)
            ?? throw new ConfigurationException($"\"{words}\" is no target: file:PATH, append:PATH or directory:PATH, absolute");
        if (IsWritten(state, directory, $"segments export {target}", out string answer))
        {
            return Tell(answer);
        }

        var exporter = new SegmentExporter(directory);
        exporter.SetTarget(target);
        int done = exporter.Export();
        return exporter.State!.Failed is { } failed
            ? throw new IOException(failed)
            : Tell(string.Create(CultureInfo.InvariantCulture, $"ok: {done} segments are exported\n"));
    }

    static int Prune(ParseResult parsed, Option<string?> list)
    {
        string state = parsed.GetValue(SegmentsCommand.State)!;
        string words = parsed.GetValue(Keep)!;
        Retention retention = LogOptions.TryParseRetention(words)
            ?? throw new ConfigurationException($"\"{words}\" says not what to keep: keep:N, since:30d or exported");
        string directory = SegmentsCommand.Locate(state, parsed.GetValue(list));
        bool isAsked = IsWritten(state, directory, $"segments prune {words}", out string answer);
        if (isAsked && !answer.EndsWith("ok\n", StringComparison.Ordinal))
        {
            return Tell(answer);
        }

        IEnumerable<ErasedSegment> erased = isAsked
            ? answer.Split('\n').Select(Parse).OfType<ErasedSegment>()
            : EraseHere(state, directory, retention, parsed.GetValue(Config)!);
        foreach (ErasedSegment one in erased)
        {
            Console.WriteLine(parsed.GetValue(Json)
                ? JsonSerializer.Serialize(
                    new ErasedLine(one.Segment, one.FirstEntry, one.Entries, one.Bytes, one.Warning), SegmentsJson.Default.ErasedLine)
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"erased segment {one.Segment}, {one.Bytes} bytes: {one.Warning}"));
        }

        return ExitStatus.Yes;
    }

    static IEnumerable<ErasedSegment> EraseHere(string state, string directory, Retention retention, string config)
    {
        using var digests = new DigestSet();
        IReadOnlyList<SealedSegment> chain = SealedChain.Read(directory, digests, out _);
        int? missing = ReceiversOf(state, config).FirstMissing(directory, ExportState.Read(directory));
        foreach (ErasedSegment one in SegmentEraser.EraseBy(
            retention, directory, chain, missing, StateDirectory.BootId, DateTime.UtcNow, digests))
        {
            yield return one;
        }
    }

    /// <summary>Who would get the segments if a host ran.</summary>
    static SegmentReceivers ReceiversOf(string state, string config)
    {
        ExportOptions? export = ConfigurationFile.Read(config, required: config != DefaultConfiguration).Log.Export;
        return ListExports.ReceiversOf(export, StateDirectory.ExportBeside(SegmentsCommand.Locate(state, null)));
    }

    static ErasedSegment? Parse(string line) => line.Split(' ', 5) is [{ } segment, { } first, { } entries, { } bytes, { } warning]
        ? new ErasedSegment(
            int.Parse(segment, CultureInfo.InvariantCulture), long.Parse(first, CultureInfo.InvariantCulture),
            long.Parse(entries, CultureInfo.InvariantCulture), long.Parse(bytes, CultureInfo.InvariantCulture), warning)
        : null;

    /// <summary>Does a running host write that list? Then it has been asked.</summary>
    static bool IsWritten(string state, string directory, string question, out string answer)
    {
        answer = "";
        if (SegmentsCommand.Locate(state, null) != directory)
        {
            return false;
        }

        try
        {
            answer = ControlSocket.Ask(state, question);
            return true;
        }
        catch (SocketException) when (ProcessImage.HolderOfLock(StateDirectory.LockIn(state)) == 0)
        {
            return false;
        }
    }

    public static int Tell(string answer)
    {
        if (answer.StartsWith("ok", StringComparison.Ordinal))
        {
            Console.Write(answer.Length > 4 ? answer["ok: ".Length..] : "");
            return ExitStatus.Yes;
        }

        CommandLine.Complain(answer.Length == 0 ? "the host does not know that" : answer.TrimEnd('\n').Replace("error: ", "", StringComparison.Ordinal));
        return ExitStatus.No;
    }
}
