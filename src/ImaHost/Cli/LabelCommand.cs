using System.CommandLine;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Trees;

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

    static readonly Option<string?> Only = new("--only")
    {
        Description = "exec: leave out what nobody may execute and is no ELF file",
    };

    static readonly Option<bool> DryRun = new("--dry-run") { Description = "say what would be labelled, and write nothing" };

    static readonly Option<string?> Journal = new("--journal")
    {
        Description = "note in this file what is done, so that --resume need not read it again",
    };

    static readonly Option<bool> Resume = new("--resume")
    {
        Description = "go on with an interrupted run: pass over what the journal knows",
    };

    static readonly Option<int> Jobs = TreeOptions.CreateJobs();

    static readonly Option<bool> Json = new("--json") { Description = "print the summary as JSON" };

    public static Command Create()
    {
        var command = new Command("label", "Write security.ima hashes or signatures.")
        {
            Paths, Hash, Only, DryRun, Journal, Resume, Jobs, Json,
        };
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

        if (parsed.GetValue(Only) is { } only && only != "exec")
        {
            CommandLine.Complain($"--only takes exec, not \"{only}\"");
            return ExitStatus.Usage;
        }

        try
        {
            using LabelSigner? signer = SigningOptions.Open(parsed);
            return Label(parsed, algorithm, signer);
        }
        catch (SignerException e)
        {
            CommandLine.Complain(e.Message);
            return ExitStatus.Usage;
        }
    }

    static int Label(ParseResult parsed, HashAlgorithm algorithm, LabelSigner? signer)
    {
        bool isDry = parsed.GetValue(DryRun);
        bool resumes = parsed.GetValue(Resume);
        bool ofVerity = SigningOptions.IsOfVerity(parsed);
        string purpose = signer == null ? algorithm.Name : $"{algorithm.Name} by {signer.KeyId:x8}{(ofVerity ? ", verity" : "")}";
        using LabelJournal? journal = parsed.GetValue(Journal) is { } path && !(isDry && !resumes)
            ? LabelJournal.Open(path, purpose, resumes)
            : null;
        LabelSettings settings =
            (signer == null ? LabelSettings.ByHash(algorithm) : LabelSettings.BySignature(algorithm, signer, ofVerity)) with
            {
                OnlyPrograms = parsed.GetValue(Only) != null,
                DryRun = isDry ? file => Console.WriteLine($"would label {file}") : null,
                Journal = journal,
            };
        return Label(parsed, settings, journal != null);
    }

    static int Label(ParseResult parsed, LabelSettings settings, bool keepsJournal)
    {
        string[] paths = parsed.GetValue(Paths)!;
        using var stop = new StopSignal();
        TreeProgress? progress = TreeProgress.Create(paths);
        var problems = new TreeProblems(
            (path, cause) => TreeProgress.Complain(progress, $"{path}: {cause}"));
        var labeller = new TreeLabeller(settings, new TreeWalker(paths, problems), problems);
        Action run = () => labeller.Run(parsed.GetValue(Jobs), stop.Token);
        if (progress == null)
        {
            run();
        }
        else
        {
            progress.Show(run, () => (labeller.Counts.Done, labeller.Counts.Bytes), stop.Token);
        }

        var report = LabelReport.Make(
            labeller.Counts, problems, settings, stop.IsStopped ? HowToGoOn(keepsJournal) : null);
        Console.WriteLine(parsed.GetValue(Json) ? report.ToJson() : report.ToText());
        return report.Failed == 0 && !stop.IsStopped ? ExitStatus.Yes : ExitStatus.No;
    }

    /// <summary>The same command, with --resume.</summary>
    static string HowToGoOn(bool keepsJournal)
    {
        IEnumerable<string> words = Environment.GetCommandLineArgs().Skip(1).Where(word => word != "--resume")
            .SelectMany(word => word == "label" ? [word, "--resume"] : (string[])[word]);
        string command = $"imahost {string.Join(' ', words.Select(ShellWord.Of))}";
        return keepsJournal ? command : $"{command} (with --journal FILE from the start it need not hash again what is done)";
    }
}
