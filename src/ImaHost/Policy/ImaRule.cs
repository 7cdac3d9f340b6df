using System.Globalization;
using System.Text;
using ImaHost.Template;

namespace ImaHost.Policy;

/// <summary>What a rule asks for.</summary>
enum ImaAction
{
    /// <summary>Enter the file in the list.</summary>
    Measure,
    /// <summary>Do not, whatever later rules say.</summary>
    DontMeasure,
    /// <summary>Let it be used only if somebody vouches for it.</summary>
    Appraise,
    /// <summary>Do not, whatever later rules say.</summary>
    DontAppraise,
}

/// <summary>MAY_* of the kernel, by its values (include/linux/fs.h).</summary>
[Flags]
enum AccessMask
{
    /// <summary>No condition.</summary>
    None = 0,
    /// <summary>MAY_EXEC.</summary>
    Exec = 1,
    /// <summary>MAY_WRITE.</summary>
    Write = 2,
    /// <summary>MAY_READ.</summary>
    Read = 4,
    /// <summary>MAY_APPEND.</summary>
    Append = 8,
}

/// <summary>A number compared with a bound: uid=0, fowner&gt;999.</summary>
/// <param name="Operator">'=', '&lt;' or '&gt;'.</param>
readonly record struct IdCondition(char Operator, uint Bound)
{
    public bool Holds(uint id) => Operator switch
    {
        '=' => id == Bound,
        '<' => id < Bound,
        _ => id > Bound,
    };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Operator}{Bound}");
}

/// <summary>One rule (struct ima_rule_entry). A condition that is null always holds.</summary>
sealed record ImaRule(ImaAction Action)
{
    public ImaHook? Func { get; init; }

    public AccessMask Mask { get; init; }

    /// <summary>mask=^…: the access includes it, rather than equals it.</summary>
    public bool MaskIncludes { get; init; }

    public long? FsMagic { get; init; }

    public IdCondition? Uid { get; init; }

    public IdCondition? Euid { get; init; }

    public IdCondition? Gid { get; init; }

    public IdCondition? Egid { get; init; }

    public IdCondition? Fowner { get; init; }

    public IdCondition? Fgroup { get; init; }

    /// <summary>The PCR its entries extend; null: the configured one.</summary>
    public int? Pcr { get; init; }

    /// <summary>The template of its entries; null: the configured one.</summary>
    public TemplateDescriptor? Template { get; init; }

    /// <summary>Where it was read: "/etc/ima/policy.d/50-site.ima:3".</summary>
    public string Origin { get; init; } = "built in";

    public bool AsksAboutSubject => Uid != null || Euid != null || Gid != null || Egid != null;

    /// <summary>ima_match_rules.</summary>
    public bool Matches(ImaHook hook, AccessMask mask, Subject subject, in Target target) =>
        (Func == null || Func == hook)
        && (Mask == AccessMask.None || (MaskIncludes ? (mask & Mask) != 0 : mask == Mask))
        && (FsMagic == null || FsMagic == target.FsMagic)
        && Uid?.Holds(subject.Uid) != false
        && Euid?.Holds(subject.Euid) != false
        && Gid?.Holds(subject.Gid) != false
        && Egid?.Holds(subject.Egid) != false
        && Fowner?.Holds(target.Owner) != false
        && Fgroup?.Holds(target.Group) != false;

    /// <summary>The rule in the kernel's language.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Action switch
        {
            ImaAction.Measure => "measure",
            ImaAction.DontMeasure => "dont_measure",
            ImaAction.Appraise => "appraise",
            ImaAction.DontAppraise => "dont_appraise",
            _ => throw new InvalidOperationException("no such action"),
        });
        if (Func is { } func)
        {
            text.Append(" func=").Append(func.Name());
        }

        if (Mask != AccessMask.None)
        {
            text.Append(" mask=").Append(MaskIncludes ? "^" : "").Append(Mask == AccessMask.Exec ? "MAY_EXEC" : "MAY_READ");
        }

        if (FsMagic is { } magic)
        {
            text.Append(CultureInfo.InvariantCulture, $" fsmagic=0x{magic:x}");
        }

        Append("uid", Uid);
        Append("euid", Euid);
        Append("gid", Gid);
        Append("egid", Egid);
        Append("fowner", Fowner);
        Append("fgroup", Fgroup);
        if (Pcr is { } pcr)
        {
            text.Append(CultureInfo.InvariantCulture, $" pcr={pcr}");
        }

        if (Template is { } template)
        {
            text.Append(" template=").Append(template.Name);
        }

        return text.ToString();

        void Append(string name, IdCondition? condition)
        {
            if (condition != null)
            {
                text.Append(' ').Append(name).Append(condition);
            }
        }
    }
}
