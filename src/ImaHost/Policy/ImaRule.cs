using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Policy;

/// <summary>One rule (struct ima_rule_entry): an action, and words that say when and how. It never changes.</summary>
sealed class ImaRule
{
    readonly RuleCondition[] _conditions;

    /// <param name="words">In any order, each option once.</param>
    /// <param name="origin">Where it was read: "/etc/ima/policy.d/50-site.yaml:3".</param>
    public ImaRule(ImaAction action, IEnumerable<RuleWord> words, string origin)
    {
        Action = action;
        Origin = origin;
        Words = [.. from option in RuleOptions.All
                    join word in words on option equals word.Option
                    select word];
        _conditions = [.. Words.OfType<RuleCondition>()];
        Func = Find<FuncCondition>()?.Hook;
        Pcr = Setting<int>(RuleOptions.Pcr) is { } pcr ? pcr.Value : null;
        Template = Setting<TemplateDescriptor>(RuleOptions.Template)?.Value;
        IsVerity = Setting<bool>(RuleOptions.DigestType) != null;
        Signature = Setting<SignatureDemand>(RuleOptions.AppraiseType)?.Value ?? SignatureDemand.None;
        Algorithms = Setting<IReadOnlyList<HashAlgorithm>>(RuleOptions.AppraiseAlgorithms)?.Value;
        By = Setting<Vouching>(RuleOptions.By)?.Value ?? Vouching.None;
        OnlyLogs = Setting<bool>(RuleOptions.Mode) != null;
        Reason = Setting<string>(RuleOptions.Reason)?.Value;
        AsksSubject = _conditions.Aggregate(SubjectFacts.None, (facts, one) => facts | one.AsksSubject);
        AsksTarget = _conditions.Aggregate(TargetFacts.None, (facts, one) => facts | one.AsksTarget);
    }

    public ImaAction Action { get; }

    /// <summary>All but the action, in the order in which they are shown.</summary>
    public IReadOnlyList<RuleWord> Words { get; }

    public string Origin { get; }

    /// <summary>The hook it is about; null: every one that is about files.</summary>
    public ImaHook? Func { get; }

    /// <summary>The PCR its entries extend; null: the configured one.</summary>
    public int? Pcr { get; }

    /// <summary>The template of its entries; null: the configured one.</summary>
    public TemplateDescriptor? Template { get; }

    /// <summary>The digest is that of fs-verity (digest_type=verity).</summary>
    public bool IsVerity { get; }

    /// <summary>The signature that is asked for.</summary>
    public SignatureDemand Signature { get; }

    /// <summary>The hashes that security.ima may be made with; null: any.</summary>
    public IReadOnlyList<HashAlgorithm>? Algorithms { get; }

    /// <summary>Who may vouch for the file; none: security.ima, as the kernel has it.</summary>
    public Vouching By { get; }

    /// <summary>What it would deny is logged and let through, whatever the mode of appraisal (mode: log).</summary>
    public bool OnlyLogs { get; }

    /// <summary>Why the rule is there, for whom it denies something.</summary>
    public string? Reason { get; }

    /// <summary>What must be known of a subject to hold its conditions against.</summary>
    public SubjectFacts AsksSubject { get; }

    /// <summary>What must be known of a file to hold its conditions against.</summary>
    public TargetFacts AsksTarget { get; }

    /// <summary>It belongs to a policy that needs no file.</summary>
    public bool IsBuiltIn => Origin.StartsWith(BuiltInPolicies.OriginPrefix, StringComparison.Ordinal);

    /// <summary>No kernel would take it.</summary>
    public bool IsExtended => Words.Any(word => word.Option.IsExtension);

    public IReadOnlyList<RuleCondition> Conditions => _conditions;

    /// <summary>Some access at this hook may match it.</summary>
    public bool IsAbout(ImaHook hook) =>
        Func == hook || (Func == null && (hook.IsOfAccess() || hook == ImaHook.PolicyCheck));

    /// <summary>
    /// ima_match_rules. What cannot be found out counts against who asks: a rule that measures or appraises matches
    /// then, one that exempts does not.
    /// </summary>
    public bool Matches(in AccessFacts facts)
    {
        foreach (RuleCondition condition in _conditions)
        {
            if (!(condition.Holds(in facts) ?? Action.IsPositive()))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>It does for a file what the other would.</summary>
    public bool DoesSame(ImaRule other) =>
        Action == other.Action && IsVerity == other.IsVerity && Pcr == other.Pcr && Template == other.Template
        && Signature == other.Signature && By == other.By && OnlyLogs == other.OnlyLogs && AllowsSame(other.Algorithms);

    /// <summary>The same rule, with what depends on mounts as it is now.</summary>
    /// <param name="find">The filesystem that is mounted at a place.</param>
    public ImaRule Resolve(Func<string, DeviceNumber?> find) => Find<MountCondition>() == null
        ? this
        : new ImaRule(
            Action, Words.Select(word => word is MountCondition mount ? mount.Resolve(find) : word), Origin);

    /// <summary>The rule in the kernel's language.</summary>
    public override string ToString() => KernelPolicyText.Of(this);

    bool AllowsSame(IReadOnlyList<HashAlgorithm>? others) =>
        others == null ? Algorithms == null : Algorithms?.SequenceEqual(others) == true;

    T? Find<T>()
        where T : RuleWord => Words.OfType<T>().FirstOrDefault();

    RuleSetting<T>? Setting<T>(RuleOption option) =>
        Words.FirstOrDefault(word => word.Option == option) as RuleSetting<T>;
}
