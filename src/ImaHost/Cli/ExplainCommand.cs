using System.CommandLine;
using System.Text.Json;
using ImaHost.Daemon;
using ImaHost.Engine;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;

namespace ImaHost.Cli;

/// <summary><c>imahost policy explain</c>: which rule decides about an access, in each class of actions.</summary>
static class ExplainCommand
{
    static readonly Option<string> PathOption = new("--path") { Description = "the file", Required = true };

    static readonly Option<uint> Uid = new("--uid") { Description = "who accesses it (0)" };

    static readonly Option<uint?> Gid = new("--gid") { Description = "its group (that of the user's number)" };

    static readonly Option<int?> Pid = new("--pid") { Description = "or a process that accesses it" };

    static readonly Option<string?> Hook = new("--hook")
    {
        Description = "FILE_CHECK, BPRM_CHECK … (each that an access of such a file passes)",
    };

    static readonly Option<string?> Mask = new("--mask") { Description = "MAY_READ, MAY_WRITE … of FILE_CHECK (MAY_READ)" };

    static readonly Option<bool> Effective = new("--effective")
    {
        Description = "by what the running host has in force, rather than what is configured",
    };

    static readonly Option<bool> Json = new("--json") { Description = "print JSON" };

    static readonly Option<string?> Config = new("--config") { Description = "the configuration file" };

    static readonly Option<string> State = StatusCommand.CreateStateOption();

    public static Command Create()
    {
        var command = new Command("explain", "Say which rules decide about an access of a file.")
        {
            PathOption, Uid, Gid, Pid, Hook, Mask, Effective, Json, Config, State,
        };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(PathOption)!;
        ImaPolicy policy = parsed.GetValue(Effective)
            ? PolicyCommand.InForce(parsed.GetValue(State)!)
            : PolicyCommand.Configured(parsed.GetValue(Config), []);
        policy = Mounts.Resolve(policy);
        using HeldFile file = HeldFile.Open(path);
        using var identified = new CollectedFile();
        if (identified.Identify(file) is < 0 and int error)
        {
            throw new IOException($"{path}: {ErrnoException.Describe(-error)}");
        }

        Subject subject = SubjectOf(parsed, policy);
        var facts = new AccessFacts
        {
            Hook = ImaHook.FileCheck,
            Mask = MaskOf(parsed.GetValue(Mask)),
            Subject = subject,
            Target = new TargetReader().Read(file, identified, Environment.ProcessId, policy.AsksTarget),
        };
        var explanations = new List<Explanation>();
        foreach (ImaHook hook in HooksOf(parsed.GetValue(Hook), identified.Path))
        {
            AccessFacts at = hook == ImaHook.FileCheck ? facts : facts.At(hook);
            explanations.Add(Explanation.Of(policy, in at));
        }

        Print(path, explanations, parsed.GetValue(Json));
        return ExitStatus.Yes;
    }

    static Subject SubjectOf(ParseResult parsed, ImaPolicy policy)
    {
        var subject = new Subject();
        if (parsed.GetValue(Pid) is { } pid)
        {
            Accessor.Read(pid, policy.AsksSubject, subject);
            return subject;
        }

        uint uid = parsed.GetValue(Uid);
        uint gid = parsed.GetValue(Gid) ?? uid;
        subject.Known = SubjectFacts.Ids | SubjectFacts.Capabilities;
        (subject.Uid, subject.Euid, subject.Suid) = (uid, uid, uid);
        (subject.Gid, subject.Egid, subject.Sgid) = (gid, gid, gid);
        subject.MaySetUid = subject.MaySetGid = uid == 0;
        return subject;
    }

    static AccessMask MaskOf(string? names)
    {
        AccessMask mask = AccessMask.None;
        foreach (string name in names?.Split('|', ',') ?? ["MAY_READ"])
        {
            mask |= MaskCondition.Find(name) ?? throw new ConfigurationException(
                $"--mask: \"{name}\" is not known; {Spelling.Hint(name, MaskCondition.Known)}");
        }

        return mask;
    }

    static List<ImaHook> HooksOf(string? name, ReadOnlySpan<byte> path)
    {
        if (name != null)
        {
            return
            [
                ImaHooks.Parse(name) ?? throw new ConfigurationException(
                    $"--hook: \"{name}\" is not known; {Spelling.Hint(name, ImaHooks.Names)}"),
            ];
        }

        List<ImaHook> hooks = [ImaHook.BprmCheck, ImaHook.MmapCheck, ImaHook.FileCheck];
        if (HookPaths.HookOf(path) is { } loads)
        {
            hooks.Add(loads);
        }

        return hooks;
    }

    static void Print(string path, List<Explanation> explanations, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize([.. explanations], PolicyJson.Default.ExplanationArray));
            return;
        }

        foreach (Explanation one in explanations)
        {
            Console.WriteLine($"{path} at {one.Hook} ({one.Mask})");
            foreach (ExplainedAction action in one.Actions)
            {
                Console.WriteLine($"  {action.Class,-9}{(action.Asked ? "yes" : "no"),-5}{action.Why}");
            }
        }
    }
}

/// <summary>What the rules say at one hook.</summary>
sealed record Explanation(string Hook, string Mask, IReadOnlyList<ExplainedAction> Actions)
{
    public static Explanation Of(ImaPolicy policy, in AccessFacts facts)
    {
        var actions = new List<ExplainedAction>();
        foreach (ActionClass one in Enum.GetValues<ActionClass>())
        {
            actions.Add(ExplainedAction.Of(one, policy.Find(in facts, one)));
        }

        return new Explanation(facts.Hook.Name(), MaskCondition.Show(facts.Mask ?? AccessMask.None), actions);
    }
}

/// <param name="Class">measure, appraise, audit or hash.</param>
/// <param name="Asked">It is done.</param>
/// <param name="Rule">The rule that decides, in the kernel's language; null: none matches.</param>
/// <param name="Origin">Its file and line.</param>
sealed record ExplainedAction(string Class, bool Asked, string? Rule, string? Origin, string? Reason)
{
    [System.Text.Json.Serialization.JsonIgnore]
    public string Why => Rule == null ? "no rule matches" : $"{Origin}: {Rule}";

    public static ExplainedAction Of(ActionClass one, ImaRule? rule) => new(
        one.ToString().ToLowerInvariant(), rule?.Action.IsPositive() == true, rule?.ToString(), rule?.Origin, rule?.Reason);
}
