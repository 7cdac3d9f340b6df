using System.CommandLine;
using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Learning;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Trees;

namespace ImaHost.Cli;

/// <summary>
/// <c>imahost learn</c>: what a list recorded becomes reference digests or rules, in three steps: a draft, its review, and
/// its acceptance.
/// </summary>
static class LearnCommand
{
    static readonly Option<string?> List = new("--list")
    {
        Description = "a list, binary or ascii, of a kernel or of ours (that of the host)",
    };

    static readonly Option<bool> WouldDeny = new("--would-deny") { Description = "take only what enforcing would deny now" };

    static readonly Option<string[]> Globs = new("--path")
    {
        Description = "take only files that this pattern matches, ** across directories (repeatable)",
    };

    static readonly Option<string?> As = new("--as")
    {
        Description = "sha256 (a list as sha256sum writes it), yaml (digests bound to their paths) or policy (rules) (sha256)",
    };

    static readonly Option<bool> Latest = new("--latest")
    {
        Description = "of several contents of one file take the last one; else none is taken",
    };

    static readonly Option<bool> All = new("--all")
    {
        Description = "take also what changed or is gone since, what others may write, and what is vouched for already",
    };

    static readonly Option<string?> Out = new("--out") { Description = "write the draft here" };

    static readonly Option<string?> ReviewOf = new("--review") { Description = "show what this draft would change" };

    static readonly Option<string?> Accept = new("--accept") { Description = "put this draft in force" };

    static readonly Option<string?> Into = new("--into")
    {
        Description = "with --accept: the file's name or path (the draft's name, in /etc/ima/reference.d or policy.d)",
    };

    static readonly Option<bool> Yes = new("--yes") { Description = "with --accept: do not ask" };

    static readonly JudgeOptions Judge = new();

    public static Command Create()
    {
        var command = new Command("learn", "Turn a recorded list into reference digests or rules.")
        {
            List, WouldDeny, Globs, As, Latest, All, Out, ReviewOf, Accept, Into, Yes,
        };
        Judge.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string?[] steps = [parsed.GetValue(Out), parsed.GetValue(ReviewOf), parsed.GetValue(Accept)];
        if (steps.Count(step => step != null) != 1)
        {
            CommandLine.Complain("give one of --out DRAFT, --review DRAFT and --accept DRAFT");
            return ExitStatus.Usage;
        }

        AuditSettings judge = Judge.Read(parsed, out DaemonOptions options);
        if (parsed.GetValue(Out) is { } path)
        {
            return Learn(parsed, path, judge, options);
        }

        Draft draft = DraftReader.Read((parsed.GetValue(ReviewOf) ?? parsed.GetValue(Accept))!);
        var review = Review.Make(draft, judge.Vouchers, judge.Policy);
        Show(review, judge);
        return parsed.GetValue(Accept) == null
            ? ExitStatus.Yes
            : DraftInstaller.Install(review, options, parsed.GetValue(Into), parsed.GetValue(Yes));
    }

    static int Learn(ParseResult parsed, string path, AuditSettings judge, DaemonOptions options)
    {
        DraftInstaller.RequireNotInForce(path, options);
        DraftKind kind = KindOf(parsed.GetValue(As), judge.ImaHash);
        string list = parsed.GetValue(List) ?? ListCommand.Locate(null, Judge.GivenState(parsed));
        using var file = new ListFile(list);
        var scan = ListScan.Read(file.Open(), judge.ImaHash);
        var settings = new LearnSettings(
            [.. (parsed.GetValue(Globs) ?? []).Select(ParseGlob)], parsed.GetValue(Latest), parsed.GetValue(All),
            parsed.GetValue(WouldDeny));
        using var learner = new Learner(settings, judge);
        Learned learned = learner.Learn(scan);
        string source = string.Create(CultureInfo.InvariantCulture, $"{list}, {DateTime.UtcNow:yyyy-MM-ddTHH:mm:ssZ}");
        Write(path, DraftText.Write(kind, judge.ImaHash, source, learned));
        Show(Review.Make(DraftReader.Read(path), judge.Vouchers, judge.Policy), judge);
        Console.WriteLine($"next       look at {path}, edit it if need be; then: imahost learn --accept {ShellWord.Of(path)}");
        return ExitStatus.Yes;
    }

    static void Show(Review review, AuditSettings judge)
    {
        Console.Write(ReviewText.Of(review));
        if (review.Draft.Kind != DraftKind.Policy && !judge.Policy.Rules.Any(rule => rule.By.HasFlag(Vouching.Reference)))
        {
            Console.WriteLine("note       no rule in force lets lists vouch (by: [reference]): this one changes nothing until one does");
        }
    }

    /// <summary>A draft that is there already may have been edited.</summary>
    static void Write(string path, byte[] draft)
    {
        if (Path.Exists(path))
        {
            throw new ConfigurationException($"{path} is there already: remove it, or name another draft");
        }

        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        file.Write(draft);
    }

    static DraftKind KindOf(string? word, HashAlgorithm algorithm)
    {
        string[] sums = ["sha256", "sha384", "sha512"];
        if (word is "yaml" or "policy")
        {
            return word == "yaml" ? DraftKind.Yaml : DraftKind.Policy;
        }

        string wanted = word ?? algorithm.Name;
        return wanted == algorithm.Name && sums.Contains(wanted)
            ? DraftKind.Sums
            : throw new ConfigurationException(
                $"--as takes yaml, policy, or the configured hash if that is one of {string.Join(", ", sums)}:"
                + $" files are looked up by {algorithm} (hash:), not {wanted}");
    }

    static PathGlob ParseGlob(string text)
    {
        try
        {
            return PathGlob.Parse(text);
        }
        catch (FormatException e)
        {
            throw new ConfigurationException($"--path: {e.Message}");
        }
    }
}
