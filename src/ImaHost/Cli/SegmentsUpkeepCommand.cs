using System.CommandLine;
using System.Diagnostics;
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
/// <c>imahost segments export, prune, flush</c>. What concerns the list of a running host is done by that host; of other
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
        Description = "run the command of the configuration (log: export: command:) for each segment that it has not had",
    };

    static readonly Option<string> Config = new("--config")
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
            SegmentsCommand.State, list, Keep, Json,
        };
        command.SetAction(parsed => Prune(parsed, list));
        return command;
    }

    public static Command CreateFlush()
    {
        var command = new Command("flush", "Have the running host seal and export everything up to now.") { SegmentsCommand.State };
        command.SetAction(parsed => Tell(ControlSocket.MustAsk(parsed.GetValue(SegmentsCommand.State)!, "segments flush")));
        return command;
    }

    static int Export(ParseResult parsed, Option<string?> list)
    {
        string state = parsed.GetValue(SegmentsCommand.State)!;
        string directory = SegmentsCommand.Locate(state, parsed.GetValue(list));
        if (parsed.GetValue(Hook))
        {
            return RunHook(directory, parsed.GetValue(Config)!);
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

    /// <summary>Each segment once and in order; one that the command refuses is handed to it again next time.</summary>
    static int RunHook(string directory, string config)
    {
        IReadOnlyList<string> command = ConfigurationFile.Read(config, required: true).Log.Export?.Command ?? [];
        if (command.Count == 0)
        {
            throw new ConfigurationException($"{config}: log: export: command: names no command");
        }

        var progress = new HookProgress(directory);
        int next = progress.Read();
        for (; File.Exists(SegmentFiles.Manifest(directory, next)); progress.Write(++next))
        {
            if (!File.Exists(SegmentFiles.Data(directory, next)))
            {
                continue;
            }

            using Process hook = Process.Start(command[0], [.. command.Skip(1), SegmentFiles.Data(directory, next)]);
            hook.WaitForExit();
            if (hook.ExitCode != 0)
            {
                CommandLine.Complain($"{command[0]} has ended with status {hook.ExitCode}: segment {next} of {directory} is handed to it again next time");
                return ExitStatus.No;
            }
        }

        return ExitStatus.Yes;
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
            : EraseHere(directory, retention);
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

    static IEnumerable<ErasedSegment> EraseHere(string directory, Retention retention)
    {
        using var digests = new DigestSet();
        IReadOnlyList<SealedSegment> chain = SealedChain.Read(directory, digests, out _);
        bool mayGoOn = chain.Count > 0 && chain[^1].Manifest.BootId == StateDirectory.BootId;

        // What was not extended before the machine went down never will be.
        long extended = mayGoOn ? Retention.ExtendedOf(chain) : long.MaxValue;
        foreach (SealedSegment one in retention.Find(chain, ExportState.Read(directory)?.Next ?? 0, extended, DateTime.UtcNow))
        {
            if (File.Exists(SegmentFiles.Data(directory, one.Manifest.Segment)))
            {
                yield return SegmentEraser.Erase(directory, one, mayGoOn, digests);
            }
        }
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

    static int Tell(string answer)
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

/// <summary>How many segments of a list a hook has had: beside the segments, so that each is handed over once.</summary>
sealed class HookProgress(string list)
{
    readonly string _path = Path.Combine(list, "hook");

    public int Read() => File.Exists(_path)
        ? int.Parse(File.ReadAllText(_path), CultureInfo.InvariantCulture)
        : 0;

    public void Write(int next) => Interop.DurableFile.Write(
        _path, System.Text.Encoding.ASCII.GetBytes(next.ToString(CultureInfo.InvariantCulture)));
}
