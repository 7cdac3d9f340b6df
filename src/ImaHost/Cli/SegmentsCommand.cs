using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Cli;

/// <summary><c>imahost segments</c>: the pieces that a list is kept in, of a running host or a stopped one.</summary>
static class SegmentsCommand
{
    public static readonly Option<string> State = new("--state")
    {
        Description = "the state directory, also of a stopped host",
        DefaultValueFactory = _ => new DaemonOptions().State,
    };

    static readonly Option<string?> List = new("--list")
    {
        Description = "another list than the current one: its name in STATE/lists, or a directory of segments",
    };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<int> From = new("--from")
    {
        Description = "begin with this segment, and take what its manifest says of the PCRs before it for true",
    };

    static readonly Option<string?> Key = new("--ak")
    {
        Description = "the key (TPM2B_PUBLIC or PEM) that must have signed each manifest; else signatures must be sound",
    };

    static readonly Option<bool> Ascii = new("--ascii") { Description = "as the ascii list" };

    public static Command Create()
    {
        var list = new Command("list", "Show the segments of a list.") { State, List, Json };
        list.SetAction(parsed => Report(parsed, verifies: false));
        var verify = new Command("verify", "Verify each segment and the chain of manifests.") { State, List, From, Key, Json };
        verify.SetAction(parsed => Report(parsed, verifies: true));
        var cat = new Command("cat", "Write the segments as the one list that they are.") { State, List, Ascii };
        cat.SetAction(Concatenate);
        return new Command("segments", "The pieces that the list is kept in.")
        {
            list, verify, cat, SegmentsUpkeepCommand.CreateExport(List), SegmentsUpkeepCommand.CreatePrune(List),
            SegmentsFlushCommand.Create(SegmentsUpkeepCommand.Config),
        };
    }

    /// <summary>The directory of the list that is meant.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public static string Locate(string state, string? list)
    {
        string path = list == null ? Path.Combine(state, "current")
            : list.Contains('/', StringComparison.Ordinal) ? list
            : Path.Combine(state, "lists", list);
        string? link = Path.Exists(path) ? new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName : null;
        string directory = link ?? Path.GetFullPath(path);
        return SegmentFiles.IsList(directory)
            ? directory
            : throw new ConfigurationException($"there is no list of segments at {path}: give --state DIR or --list NAME");
    }

    static int Report(ParseResult parsed, bool verifies)
    {
        string directory = Locate(parsed.GetValue(State)!, parsed.GetValue(List));
        using var digests = new DigestSet();
        using QuoteKey? trusted = verifies && parsed.GetValue(Key) is { } key ? QuoteKey.Read(File.ReadAllBytes(key), key) : null;
        IEnumerable<SegmentReport> reports = verifies
            ? new SegmentVerifier(directory, parsed.GetValue(From), digests, trusted, Growing(parsed, directory)).Run()
            : SegmentListing.Of(directory);
        bool isGood = true;
        int verified = 0;
        foreach (SegmentReport report in reports)
        {
            isGood &= report.Problems.Count == 0;
            verified += report is { State: "sealed", Problems.Count: 0 } ? 1 : 0;
            Console.WriteLine(parsed.GetValue(Json)
                ? JsonSerializer.Serialize(report, SegmentsJson.Default.SegmentReport)
                : SegmentListing.Line(report, verifies));
        }

        if (verifies && !parsed.GetValue(Json))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{verified} segments verified"));
        }

        return isGood ? ExitStatus.Yes : ExitStatus.No;
    }

    /// <summary>Segments at the end that need not be sealed: one, and one more where a running host may be about to seal it.</summary>
    static int Growing(ParseResult parsed, string directory)
    {
        string state = parsed.GetValue(State)!;
        bool isWritten = Path.Exists(Path.Combine(state, "current")) && Locate(state, null) == directory
            && ProcessImage.HolderOfLock(StateDirectory.LockIn(state)) != 0;
        return isWritten ? 2 : 1;
    }

    static int Concatenate(ParseResult parsed)
    {
        string directory = Locate(parsed.GetValue(State)!, parsed.GetValue(List));
        using var bytes = new SegmentBytes(directory);
        using Stream output = Console.OpenStandardOutput();
        var reader = new LogReader(bytes.Read);
        var record = new ByteBuilder();
        while (reader.Next(out MeasurementRecord next))
        {
            record.Clear();
            if (parsed.GetValue(Ascii))
            {
                next.AppendAscii(record);
            }
            else
            {
                next.AppendBinary(record);
            }

            output.Write(record.Written);
        }

        if (SegmentFiles.FirstThere(directory) is > 0 and int first)
        {
            CommandLine.Complain($"{directory}: this begins with segment {first}, those before it are erased: no PCR is replayed from zero");
        }

        return reader.Rest == 0 ? ExitStatus.Yes : Complain(directory, reader);
    }

    static int Complain(string directory, LogReader reader)
    {
        CommandLine.Complain($"{directory}: offset {reader.Offset}: the last {reader.Rest} bytes are no whole record");
        return ExitStatus.No;
    }
}
