using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ImaHost.Policy;

/// <summary>The rules in force. It never changes: a new policy is a new object.</summary>
sealed class ImaPolicy
{
    static readonly ImaHook[] Hooks = Enum.GetValues<ImaHook>();
    static readonly ActionClass[] Classes = Enum.GetValues<ActionClass>();

    readonly ImaRule[] _rules;

    /// <summary>By hook and class; null where no rule is.</summary>
    readonly RuleIndex?[] _indexes;

    /// <summary>By class: what rules may ask for when a file is accessed, whoever does it in whatever way.</summary>
    readonly ImaRule[][] _reach;

    /// <summary>Finds the first of these.</summary>
    readonly RuleIndex[] _firstInReach;

    /// <param name="failsSecurely">The kernel's ima_policy=fail_securely.</param>
    public ImaPolicy(IEnumerable<ImaRule> rules, bool failsSecurely = false)
    {
        _rules = [.. rules];
        FailsSecurely = failsSecurely;
        AsksSubject = _rules.Aggregate(SubjectFacts.None, (facts, rule) => facts | rule.AsksSubject);
        AsksTarget = _rules.Aggregate(TargetFacts.None, (facts, rule) => facts | rule.AsksTarget);
        AsksAboutReads = _rules.Any(MayAskAboutData);
        _indexes = [.. from hook in Hooks from one in Classes select IndexOf(hook, one)];
        _reach = [.. Classes.Select(ReachOf)];
        _firstInReach = [.. _reach.Select(rules => new RuleIndex(rules))];
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes($"{failsSecurely}\n{Devices()}\n{this}"));
        Fingerprint = BinaryPrimitives.ReadUInt64LittleEndian(digest);
    }

    /// <summary>What is in force when nothing else is configured.</summary>
    public static ImaPolicy Default { get; } = new(BuiltInPolicies.RulesOf(BuiltInPolicies.Default));

    /// <summary>A number that differs when the rules do: verdicts are kept under it.</summary>
    public ulong Fingerprint { get; }

    public IReadOnlyList<ImaRule> Rules => _rules;

    /// <summary>A filesystem that can change what it has shown (FUSE) is trusted by no signature.</summary>
    public bool FailsSecurely { get; }

    /// <summary>What some rule asks of subjects.</summary>
    public SubjectFacts AsksSubject { get; }

    /// <summary>What some rule asks of files.</summary>
    public TargetFacts AsksTarget { get; }

    /// <summary>Some rule may ask about opens of files that cannot be mapped: the guard must send them too.</summary>
    public bool AsksAboutReads { get; }

    /// <summary>ima_match_policy: first match wins, in each class of its own.</summary>
    public void Match(in AccessFacts facts, ref PolicyDecision into)
    {
        bool appraises = false;
        for (int one = 0; one < Classes.Length; one++)
        {
            if (Find(in facts, (ActionClass)one) is { } rule
                && !(appraises && rule.Action == ImaAction.Hash))
            {
                appraises |= rule.Action == ImaAction.Appraise;
                into.Add(rule);
            }
        }
    }

    /// <summary>The first rule of a class that matches, or null.</summary>
    public ImaRule? Find(in AccessFacts facts, ActionClass one) =>
        _indexes[((int)facts.Hook * Classes.Length) + (int)one]?.Find(in facts);

    /// <summary>
    /// Might another access of the same file, by anybody, in any way, under any name, ask for more? Where not, the
    /// verdict on this one can be kept for all.
    /// </summary>
    public bool MayAskMore(in PolicyDecision decision, in AccessFacts facts)
    {
        for (int one = 0; one < Classes.Length; one++)
        {
            if (_firstInReach[one].Find(in facts) is { } first && first.Action.IsPositive()
                && (!decision.Covers(first) || AsksMore(_reach[one], in decision, in facts)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The same rules, with what depends on mounts as it is now.</summary>
    /// <param name="find">The filesystem that is mounted at a place.</param>
    /// <returns>This one, when nothing has changed.</returns>
    public ImaPolicy Resolve(Func<string, DeviceNumber?> find)
    {
        if (!_rules.Any(rule => rule.Conditions.OfType<MountCondition>().Any()))
        {
            return this;
        }

        var resolved = new ImaPolicy(_rules.Select(rule => rule.Resolve(find)), FailsSecurely);
        return resolved.Fingerprint == Fingerprint ? this : resolved;
    }

    /// <summary>The policy in the kernel's language, one rule a line.</summary>
    public override string ToString() => KernelPolicyText.Of(_rules);

    /// <summary>Does one of these ask for more than was done, before another exempts the file?</summary>
    static bool AsksMore(ImaRule[] reach, in PolicyDecision decision, in AccessFacts facts)
    {
        foreach (ImaRule rule in reach)
        {
            if (!rule.Matches(in facts))
            {
                continue;
            }

            if (!rule.Action.IsPositive())
            {
                break;
            }

            if (!decision.Covers(rule))
            {
                return true;
            }
        }

        return false;
    }

    static bool MayAskAboutData(ImaRule rule) =>
        rule.Action.IsPositive()
        && (rule.Func?.IsOfData() ?? true)
        && !(rule.Func == ImaHook.FileCheck && rule.Conditions.OfType<MaskCondition>().Any(mask => mask.IsOfExecAlone));

    /// <summary>It matches whatever is done with a file that it may match.</summary>
    static bool IsForAll(ImaRule rule) => rule.Func == null && rule.Conditions.All(condition => condition.IsAboutFile);

    RuleIndex? IndexOf(ImaHook hook, ActionClass one)
    {
        ImaRule[] rules = [.. _rules.Where(rule => rule.Action.Class() == one && rule.IsAbout(hook))];
        return rules.Length > 0 ? new RuleIndex(rules) : null;
    }

    /// <summary>
    /// The rules of a class, of each what it asks of the file and what it does. Those that exempt only some accesses do
    /// not shorten the reach of what follows them, and of those that do the same to the same files one tells for all.
    /// </summary>
    ImaRule[] ReachOf(ActionClass one)
    {
        var told = new HashSet<string>(StringComparer.Ordinal);
        return
        [
            .. from rule in _rules
               where rule.Action.Class() == one && (rule.Func?.IsOfAccess() ?? true)
                   && (rule.Action.IsPositive() || IsForAll(rule))
               let words = rule.Words.Where(word => word is not RuleCondition { IsAboutFile: false })
               let reach = new ImaRule(rule.Action, words, rule.Origin)
               where told.Add(reach.ToString())
               select reach,
        ];
    }

    string Devices() => string.Join(
        ' ', _rules.SelectMany(rule => rule.Conditions).OfType<MountCondition>().Select(mount => mount.Device));
}
