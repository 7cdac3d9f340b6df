using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Policy;

/// <summary>Which signature a rule wants (appraise_type=).</summary>
enum SignatureDemand
{
    /// <summary>A digest will do.</summary>
    None,
    /// <summary>One over the file's digest.</summary>
    ImaSig,
    /// <summary>That, or one appended to the file.</summary>
    ImaSigOrModsig,
    /// <summary>One over the fs-verity digest.</summary>
    SigV3,
}

/// <summary>All options of rules (policy_tokens of ima_policy.c), in the order in which they are shown.</summary>
static class RuleOptions
{
    const int LastPcr = 23; // of a TPM: PC Client Platform TPM Profile, section 4.6

    public static readonly RuleOption Func = new("func", FuncCondition.Read);
    public static readonly RuleOption Pcr = new("pcr", ReadPcr);
    public static readonly RuleOption Label = new("label", DataLabelCondition.Read) { Separator = '|' };
    public static readonly RuleOption Keyrings = new("keyrings", ReadKeyrings) { Separator = '|' };
    public static readonly RuleOption AppraiseAlgorithms = new("appraise_algos", ReadAlgorithms) { Separator = ',' };
    public static readonly RuleOption Template = new("template", ReadTemplate);
    public static readonly RuleOption DigestType = new("digest_type", ReadDigestType);
    public static readonly RuleOption AppraiseType = new("appraise_type", ReadAppraiseType);
    public static readonly RuleOption AppraiseFlag = new("appraise_flag", ReadAppraiseFlag);

    public static readonly RuleOption By = new("by", ReadBy) { IsExtension = true, Separator = '|' };
    public static readonly RuleOption Mode = new("mode", (in value) => Only(in value, "log")) { IsExtension = true };
    public static readonly RuleOption Reason = new("reason", ReadReason) { IsExtension = true };

    static readonly (string Value, SignatureDemand Demand)[] AppraiseTypes =
    [
        ("imasig", SignatureDemand.ImaSig), ("imasig|modsig", SignatureDemand.ImaSigOrModsig),
        ("sigv3", SignatureDemand.SigV3),
    ];

    /// <summary>In the order of ima_policy_show, but digest_type before appraise_type, which may depend on it.</summary>
    public static IReadOnlyList<RuleOption> All { get; } =
    [
        Func,
        new("mask", MaskCondition.Read),
        new("fsmagic", FsMagicCondition.Read),
        new("fsname", (in value) => new FsNameCondition(value.Option, value.Text)),
        Keyrings,
        Label,
        Pcr,
        new("fsuuid", FsUuidCondition.Read),
        Id("uid", IdKind.Uid),
        Id("euid", IdKind.Euid),
        Id("gid", IdKind.Gid),
        Id("egid", IdKind.Egid),
        Id("fowner", IdKind.Fowner),
        Id("fgroup", IdKind.Fgroup),
        AppraiseAlgorithms,
        .. from part in Enum.GetValues<LabelPart>() select SecurityLabel("obj_", isSubject: false, part),
        .. from part in Enum.GetValues<LabelPart>() select SecurityLabel("subj_", isSubject: true, part),
        Template,
        DigestType,
        AppraiseType,
        AppraiseFlag,
        new("permit_directio", (in value) => new RuleSetting<bool>(value.Option, value: true)) { IsFlag = true },
        Extension("path", GlobKind.Path),
        Extension("exe", GlobKind.Executable),
        Extension("cgroup", GlobKind.Cgroup),
        Extension("container", GlobKind.Container),
        new("mount", MountCondition.Read) { IsExtension = true },
        new("rollout", RolloutCondition.Read) { IsExtension = true },
        By,
        Mode,
        Reason,
    ];

    /// <summary>The option of that name in a syntax, or null.</summary>
    public static RuleOption? Find(string name, PolicySyntax syntax) =>
        All.FirstOrDefault(option => NameIn(option, syntax) == name);

    /// <summary>Every name there is in a syntax.</summary>
    public static IReadOnlyCollection<string> NamesIn(PolicySyntax syntax) =>
        [.. All.Select(option => NameIn(option, syntax))];

    static string NameIn(RuleOption option, PolicySyntax syntax) =>
        syntax == PolicySyntax.Kernel ? option.KernelName : option.Name;

    static RuleOption Id(string name, IdKind kind) =>
        new(name, (in value) => IdCondition.Read(kind, in value)) { IsCompared = true };

    static RuleOption SecurityLabel(string prefix, bool isSubject, LabelPart part) => new(
        prefix + part.ToString().ToLowerInvariant(),
        (in value) => LabelCondition.Read(isSubject, part, in value));

    static RuleOption Extension(string name, GlobKind kind) =>
        new(name, (in value) => GlobCondition.Read(kind, in value)) { IsExtension = true, Separator = '|' };

    static RuleSetting<int> ReadPcr(in RuleValue value) =>
        int.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int pcr) && pcr <= LastPcr
            ? new RuleSetting<int>(value.Option, pcr, pcr.ToString(CultureInfo.InvariantCulture))
            : throw new FormatException($"\"{value.Text}\" is not a PCR (0 to {LastPcr})");

    /// <summary>template= of a rule that is made here.</summary>
    public static RuleSetting<TemplateDescriptor> TemplateWord(TemplateDescriptor template) =>
        new(Template, template, template.Name);

    static RuleSetting<TemplateDescriptor> ReadTemplate(in RuleValue value)
    {
        TemplateDescriptor template = TemplateDescriptor.FindForRule(value.Text)
            ?? throw new FormatException(
                $"\"{value.Text}\" is not a template, nor fields with | between them;"
                + $" {Spelling.Hint(value.Text, [.. TemplateDescriptor.Names])}");
        return TemplateWord(template);
    }

    static RuleSetting<bool> ReadKeyrings(in RuleValue value) => new(value.Option, value: true, [.. value.Items]);

    static RuleSetting<IReadOnlyList<HashAlgorithm>> ReadAlgorithms(in RuleValue value)
    {
        HashAlgorithm[] algorithms =
        [
            .. value.Items.Select(name => HashAlgorithm.FromName(name) ?? throw new FormatException(
                $"\"{name}\" is not a hash that is known here;"
                + $" {Spelling.Hint(name, [.. HashAlgorithm.All.Select(known => known.Name)])}")),
        ];
        return new RuleSetting<IReadOnlyList<HashAlgorithm>>(
            value.Option, algorithms, [.. algorithms.Select(algorithm => algorithm.Name)]);
    }

    static RuleSetting<SignatureDemand> ReadAppraiseType(in RuleValue value)
    {
        string text = value.Text;
        (string known, SignatureDemand demand) = Array.Find(AppraiseTypes, type => type.Value == text);
        return demand != SignatureDemand.None
            ? new RuleSetting<SignatureDemand>(value.Option, demand, known)
            : throw Unknown(text, [.. AppraiseTypes.Select(type => type.Value)]);
    }

    static RuleSetting<Vouching> ReadBy(in RuleValue value)
    {
        Vouching by = Vouching.None;
        foreach (string name in value.Items)
        {
            by |= Vouchings.Find(name) ?? throw Unknown(name, Vouchings.Names);
        }

        return new RuleSetting<Vouching>(value.Option, by, [.. Vouchings.NamesOf(by)]);
    }

    static RuleSetting<bool> ReadDigestType(in RuleValue value) => Only(in value, "verity");

    static RuleSetting<bool> ReadAppraiseFlag(in RuleValue value) => Only(in value, "check_blacklist");

    static RuleSetting<bool> Only(in RuleValue value, string known) =>
        value.Text == known ? new RuleSetting<bool>(value.Option, value: true, known) : throw Unknown(value.Text, [known]);

    static RuleSetting<string> ReadReason(in RuleValue value) =>
        value.Text.AsSpan().IndexOfAny('\n', '\r') < 0
            ? new RuleSetting<string>(value.Option, value.Text, value.Text)
            : throw new FormatException("a reason is one line");

    static FormatException Unknown(string text, IReadOnlyCollection<string> known) =>
        new($"\"{text}\" is not known; {Spelling.Hint(text, known)}");
}
