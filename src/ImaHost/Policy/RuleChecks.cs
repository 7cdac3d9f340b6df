namespace ImaHost.Policy;

/// <summary>Which words of a rule go together (ima_validate_rule, and the checks spread over ima_parse_rule).</summary>
static class RuleChecks
{
    const string Ids = "uid gid";
    const string FileIds = Ids + " euid egid fowner fgroup fsmagic fsname fsuuid obj_user obj_role obj_type";
    const string Subjects = "subj_user subj_role subj_type";

    /// <summary>The options that a rule about a hook may have; a hook that is not named takes all of files.</summary>
    static readonly Dictionary<ImaHook, string> Allowed = new()
    {
        [ImaHook.KexecCmdline] = $"func pcr template {FileIds} {Subjects} reason",
        [ImaHook.KeyCheck] = $"func pcr template {Ids} keyrings reason",
        [ImaHook.CriticalData] = $"func pcr template {Ids} label reason",
        [ImaHook.SetxattrCheck] = "func appraise_algos reason",
    };

    static readonly ImaHook[] OfModsig =
        [ImaHook.ModuleCheck, ImaHook.KexecKernelCheck, ImaHook.KexecInitramfsCheck];

    /// <summary>What says in the kernel's words who may vouch, and so does not go with by:.</summary>
    static readonly string[] KernelDemands = ["appraise_type", "appraise_flag", "digest_type"];

    static readonly string[] OfAppraise = ["appraise_type", "appraise_flag", "appraise_algos", "by", "mode"];

    /// <summary>Makes a rule of what was read.</summary>
    /// <param name="origin">What it names as its place; null: the place.</param>
    /// <exception cref="PolicyException">It is no valid one.</exception>
    public static ImaRule Finish(ImaAction? action, List<RuleWord> words, PolicyPlace place, string? origin = null)
    {
        if (action is not { } known)
        {
            throw new PolicyException(place, $"a rule without an action ({string.Join(", ", ImaActions.Names)})");
        }

        var rule = new ImaRule(known, words, origin ?? place.OfLine);
        return WhyNot(rule) is { } why ? throw new PolicyException(place, why) : rule;
    }

    /// <returns>Why it is no valid rule, or one that asks for something that user space cannot do; or null.</returns>
    public static string? WhyNot(ImaRule rule) =>
        CheckAction(rule) ?? CheckHook(rule) ?? CheckSignature(rule) ?? CheckPairs(rule)
        ?? (rule.Action.IsPositive() && rule.Func is { } func && func.WhyUnseen() is { } why
            ? $"func={func.Name()} cannot be seen here: {why}"
            : null);

    static string? CheckAction(ImaRule rule)
    {
        string? ofMeasure = Given(rule, "pcr", "template");
        string? ofAppraise = Given(rule, OfAppraise);
        return rule.Action != ImaAction.Measure && ofMeasure != null ? $"\"{ofMeasure}\" belongs to the action measure"
            : rule.Action != ImaAction.Appraise && ofAppraise != null ? $"\"{ofAppraise}\" belongs to the action appraise"
            : null;
    }

    static string? CheckHook(ImaRule rule)
    {
        if (rule.Func is not { } func || !Allowed.TryGetValue(func, out string? allowed))
        {
            return Given(rule, "keyrings") != null ? "\"keyrings\" belongs to func=KEY_CHECK"
                : Given(rule, "label") != null ? "\"label\" belongs to func=CRITICAL_DATA"
                : null;
        }

        RuleWord? wrong = rule.Words.FirstOrDefault(word => !allowed.Split(' ').Contains(word.Option.Name));
        bool isSetxattr = func == ImaHook.SetxattrCheck;
        return isSetxattr && rule.Action != ImaAction.Appraise ? $"func={func.Name()} takes the action appraise"
            : isSetxattr && rule.Algorithms == null ? $"func={func.Name()} needs appraise_algos"
            : !isSetxattr && rule.Action.Class() != ActionClass.Measure
                ? $"func={func.Name()} takes the actions measure and dont_measure"
            : wrong != null ? $"func={func.Name()} does not take \"{wrong.Option.KernelName}\""
            : null;
    }

    static string? CheckSignature(ImaRule rule)
    {
        bool isSigV3 = rule.Signature == SignatureDemand.SigV3;
        return isSigV3 && !rule.IsVerity ? "appraise_type=sigv3 needs digest_type=verity before it"
            : rule.IsVerity && rule.Func is { } func && OfModsig.Contains(func)
                ? $"func={func.Name()} does not take digest_type=verity"
            : rule.IsVerity && rule.Action == ImaAction.Appraise && !isSigV3
                ? "digest_type=verity with the action appraise needs appraise_type=sigv3"
            : rule.Signature == SignatureDemand.ImaSigOrModsig && !(rule.Func is { } hook && OfModsig.Contains(hook))
                ? $"modsig belongs to {string.Join(", ", OfModsig.Select(one => "func=" + one.Name()))}"
            : Given(rule, "appraise_flag") != null && rule.Signature == SignatureDemand.None
                ? "\"appraise_flag\" needs appraise_type"
            : null;
    }

    static string? CheckPairs(ImaRule rule) =>
        Given(rule, "uid") != null && Given(rule, "euid") != null ? "\"uid\" and \"euid\" exclude each other"
        : Given(rule, "gid") != null && Given(rule, "egid") != null ? "\"gid\" and \"egid\" exclude each other"
        : rule.By != Vouching.None && Given(rule, KernelDemands) is { } demand ? $"\"by\" and \"{demand}\" exclude each other"
        : null;

    /// <summary>The first of these options that the rule has.</summary>
    static string? Given(ImaRule rule, params string[] names) =>
        rule.Words.Select(word => word.Option.Name).FirstOrDefault(names.Contains);
}
