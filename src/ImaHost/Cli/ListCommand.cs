using System.CommandLine;
using System.Text;
using System.Text.Json;
using ImaHost.Daemon;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.Cli;

/// <summary><c>imahost list</c>: the measurement list, readable.</summary>
static class ListCommand
{
    const int PollMilliseconds = 200;
    const string Default = "/run/ima";
    const string BinaryName = "binary_runtime_measurements";

    static readonly Argument<string?> Source = new("source")
    {
        Description = $"a list, binary or ascii, or a directory that publishes one ({Default})",
        Arity = ArgumentArity.ZeroOrOne,
    };

    static readonly Option<string?> State = new("--state")
    {
        Description = "the list kept in this state directory, also of a stopped host",
    };

    static readonly Option<bool> Follow = new("--follow", "-f") { Description = "wait for new entries" };

    static readonly Option<bool> Json = new("--json") { Description = "print one JSON object for each entry" };

    public static Command Create()
    {
        var command = new Command("list", "Show the measurement list.") { Source, State, Follow, Json };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string path = Locate(parsed.GetValue(Source), parsed.GetValue(State));
        bool follow = parsed.GetValue(Follow);
        try
        {
            return Show(path, follow, parsed.GetValue(Json));
        }
        catch (RecordException e)
        {
            CommandLine.Complain($"{path}: {e.Message}");
            return ExitStatus.No;
        }
        catch (FileNotFoundException)
        {
            CommandLine.Complain($"there is no list at {path}: is the daemon running? For a stopped one: --state DIR");
            return ExitStatus.Usage;
        }
        catch (IOException e) when (follow)
        {
            CommandLine.Complain($"the list at {path} is gone, the daemon has stopped ({e.Message})");
            return ExitStatus.No;
        }
    }

    static int Show(string path, bool follow, bool json)
    {
        using var file = new ListFile(path);
        RecordReader reader = file.Open();
        using Stream output = Console.OpenStandardOutput();
        var line = new ByteBuilder();
        for (;;)
        {
            while (reader.Next(out MeasurementRecord record))
            {
                line.Clear();
                Append(in record, reader.Number, json, line);
                output.Write(line.Written);
            }

            if (!follow)
            {
                break;
            }

            output.Flush();
            Thread.Sleep(PollMilliseconds);
        }

        if (reader.Rest == 0)
        {
            return ExitStatus.Yes;
        }

        CommandLine.Complain($"{path}: offset {reader.Offset}: the last {reader.Rest} bytes are no whole record");
        return ExitStatus.No;
    }

    /// <summary>Where the list is that the arguments name, or that a host has.</summary>
    public static string Locate(string? source, string? state)
    {
        if (state != null)
        {
            return Path.Combine(state, "current");
        }

        string stopped = Path.Combine(new DaemonOptions().State, "current");
        string place = source ?? (Directory.Exists(Default) || !Path.Exists(stopped) ? Default : stopped);
        return Directory.Exists(place) && !SegmentFiles.IsList(place) ? Path.Combine(place, BinaryName) : place;
    }

    static void Append(in MeasurementRecord record, long number, bool json, ByteBuilder line)
    {
        if (!json)
        {
            record.AppendAscii(line);
            return;
        }

        var entry = new ListEntry(
            number, record.Pcr, Convert.ToHexStringLower(record.TemplateDigest),
            Encoding.UTF8.GetString(record.TemplateName), record.IsViolation, Fields(in record));
        line.Append(JsonSerializer.SerializeToUtf8Bytes(entry, ListJson.Default.ListEntry));
        line.Append((byte)'\n');
    }

    /// <summary>The fields as the ascii list shows them.</summary>
    static Dictionary<string, string> Fields(in MeasurementRecord record)
    {
        var shown = new Dictionary<string, string>();
        var text = new ByteBuilder();
        TemplateDescriptor template = record.Template;
        ReadOnlySpan<byte> data = record.Data;
        foreach (TemplateField field in template.Fields)
        {
            text.Clear();
            field.Show(template.TakeField(field, ref data), text);
            shown[field.Id] = Encoding.UTF8.GetString(text.Written);
        }

        return shown;
    }
}
