using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;
using Spectre.Console;

namespace ImaHost.Cli;

/// <summary><c>imahost label</c>: writes hashes or signatures of files into their security.ima, so that they pass appraisal.</summary>
static class LabelCommand
{
    static readonly Argument<string[]> Paths = new("path")
    {
        Description = "files, or directories whose regular files are labelled",
        Arity = ArgumentArity.OneOrMore,
    };

    static readonly Option<string> Hash = new("--hash")
    {
        Description = string.Join(", ", HashAlgorithm.All),
        DefaultValueFactory = _ => HashAlgorithm.Sha256.Name,
    };

    static readonly Option<bool> Json = new("--json") { Description = "print the summary as JSON" };

    public static Command Create()
    {
        var command = new Command("label", "Write security.ima hashes or signatures.") { Paths, Hash, Json };
        foreach (Option option in SigningOptions.All)
        {
            command.Add(option);
        }

        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string name = parsed.GetValue(Hash)!;
        HashAlgorithm? algorithm = HashAlgorithm.FromName(name);
        if (algorithm == null)
        {
            CommandLine.Complain($"--hash takes {string.Join(", ", HashAlgorithm.All)}, not \"{name}\"");
            return ExitStatus.Usage;
        }

        try
        {
            using LabelSigner? signer = SigningOptions.Open(parsed);
            using var labeller = new Labeller(algorithm, signer, SigningOptions.IsOfVerity(parsed));
            return Run(parsed, labeller);
        }
        catch (SignerException e)
        {
            CommandLine.Complain(e.Message);
            return ExitStatus.Usage;
        }
    }

    static int Run(ParseResult parsed, Labeller labeller)
    {
        List<string> files = [.. parsed.GetValue(Paths)!.SelectMany(Labeller.Find)];
        if (Console.IsErrorRedirected)
        {
            files.ForEach(labeller.Label);
        }
        else
        {
            ShowProgress(files, labeller);
        }

        labeller.Report(parsed.GetValue(Json));
        return labeller.Failures == 0 ? ExitStatus.Yes : ExitStatus.No;
    }

    static void ShowProgress(List<string> files, Labeller labeller)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().AutoClear(true).Start(context =>
        {
            ProgressTask task = context.AddTask("labelling", maxValue: Math.Max(files.Count, 1));
            foreach (string file in files)
            {
                labeller.Label(file);
                task.Increment(1);
            }
        });
    }
}

/// <summary>Labels files one by one and counts.</summary>
/// <param name="signer">Signs them; null: hashes are written.</param>
/// <param name="ofVerity">The fs-verity digest is signed where there is one.</param>
sealed class Labeller(HashAlgorithm algorithm, LabelSigner? signer = null, bool ofVerity = false) : IDisposable
{
    readonly FileHasher _hasher = new();
    readonly List<string> _problems = [];
    int _labelled;
    int _skipped;

    public int Failures => _problems.Count;

    /// <summary>
    /// The files at or below a path. Within a directory links are not followed, and no other filesystem is entered.
    /// </summary>
    public static IEnumerable<string> Find(string path) =>
        Directory.Exists(path) && FileStat.TryOfPath(path, out FileStat top)
            ? Descend(path, (top.DeviceMajor, top.DeviceMinor))
            : [path];

    static IEnumerable<string> Descend(string directory, (uint Major, uint Minor) device)
    {
        foreach (FileSystemInfo entry in new DirectoryInfo(directory).EnumerateFileSystemInfos())
        {
            if (entry.LinkTarget != null)
            {
                continue;
            }

            if (entry is not DirectoryInfo)
            {
                yield return entry.FullName;
            }
            else if (FileStat.TryOfPath(entry.FullName, out FileStat stat)
                && (stat.DeviceMajor, stat.DeviceMinor) == device)
            {
                foreach (string below in Descend(entry.FullName, device))
                {
                    yield return below;
                }
            }
        }
    }

    public void Label(string path)
    {
        // Looked at first: opening a device can have consequences, and a socket cannot be opened.
        if (FileStat.TryOfPath(path, out FileStat stat) && !stat.IsRegular)
        {
            _skipped++;
            return;
        }

        try
        {
            using HeldFile file = HeldFile.Open(path);
            LabelRegular(path, file);
        }
        catch (ErrnoException e)
        {
            _problems.Add(e.Message);
        }
    }

    public void Dispose() => _hasher.Dispose();

    public void Report(bool json)
    {
        foreach (string problem in _problems)
        {
            CommandLine.Complain(problem);
        }

        string text = json
            ? System.Text.Json.JsonSerializer.Serialize(
                new LabelSummary(_labelled, _skipped, _problems), LabelJson.Default.LabelSummary)
            : string.Create(
                CultureInfo.InvariantCulture,
                $"labelled {_labelled} files with {algorithm}, skipped {_skipped} that are not regular, failed on {_problems.Count}");
        Console.WriteLine(text);
    }

    void LabelRegular(string path, HeldFile file)
    {
        Digest digest = default;
        bool isOfVerity = ofVerity && FileVerity.TryMeasure(file, out digest);
        int error = 0;
        if (!isOfVerity && file.TryStat(out FileStat stat, out error))
        {
            error = _hasher.Hash(file, stat.Size, algorithm, goOn: null, out digest);
        }

        if (error < 0)
        {
            _problems.Add($"read {path}: {ErrnoException.Describe(-error)}");
            return;
        }

        Span<byte> label = stackalloc byte[LabelSigner.MostBytes];
        if (!TryMakeLabel(path, in digest, isOfVerity, label, out int length))
        {
            return;
        }

        error = file.SetXattr("security.ima\0"u8, label[..length]);
        if (error < 0)
        {
            _problems.Add($"write security.ima of {path}: {ErrnoException.Describe(-error)}");
            return;
        }

        _labelled++;
    }

    bool TryMakeLabel(string path, in Digest digest, bool isOfVerity, Span<byte> into, out int length)
    {
        try
        {
            length = signer == null ? SecurityIma.Write(in digest, into)
                : isOfVerity ? signer.SignVerity(in digest, into)
                : signer.Sign(in digest, into);
            return true;
        }
        catch (SignerException e)
        {
            _problems.Add($"sign {path}: {e.Message}");
            length = 0;
            return false;
        }
    }
}

/// <summary>The summary of <c>imahost label --json</c>.</summary>
sealed record LabelSummary(int Labelled, int Skipped, IReadOnlyList<string> Problems);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LabelSummary))]
sealed partial class LabelJson : JsonSerializerContext;
