using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Policy;

/// <summary>Which id is compared.</summary>
enum IdKind
{
    Uid,
    Euid,
    Gid,
    Egid,
    Fowner,
    Fgroup,
}

/// <summary>An id compared with a bound: uid=0, fowner&gt;999 (ima_match_rules).</summary>
/// <param name="name">The name that stood for it, if one did.</param>
sealed class IdCondition(RuleOption option, IdKind kind, char comparison, uint bound, string? name = null)
    : RuleCondition(option, comparison, [bound.ToString(CultureInfo.InvariantCulture)])
{
    const uint NoId = uint.MaxValue; // INVALID_UID

    readonly SubjectFacts _asks = kind switch
    {
        IdKind.Uid or IdKind.Gid => SubjectFacts.Ids,
        IdKind.Euid or IdKind.Egid => SubjectFacts.Ids | SubjectFacts.Capabilities,
        IdKind.Fowner or IdKind.Fgroup or _ => SubjectFacts.None,
    };

    public override IReadOnlyList<string> YamlItems => name == null ? Items : [name];

    public override SubjectFacts AsksSubject => _asks;

    public override bool IsAboutFile => kind is IdKind.Fowner or IdKind.Fgroup;

    public override IReadOnlyList<RuleKey> Keys => Operator != '=' ? [] : kind switch
    {
        IdKind.Uid => [new RuleKey(RuleKeyKind.Uid, bound)],
        IdKind.Gid => [new RuleKey(RuleKeyKind.Gid, bound)],
        IdKind.Fowner => [new RuleKey(RuleKeyKind.Fowner, bound)],
        IdKind.Fgroup => [new RuleKey(RuleKeyKind.Fgroup, bound)],
        IdKind.Euid or IdKind.Egid or _ => [],
    };

    public override RuleRange Range => kind switch
    {
        IdKind.Uid => RangeOf(RangeKind.Uid),
        IdKind.Gid => RangeOf(RangeKind.Gid),
        IdKind.Fowner => RangeOf(RangeKind.Fowner),
        IdKind.Fgroup => RangeOf(RangeKind.Fgroup),
        IdKind.Euid or IdKind.Egid or _ => RuleRange.All,
    };

    /// <exception cref="FormatException">The value is no id.</exception>
    public static IdCondition Read(IdKind kind, in RuleValue value)
    {
        if (uint.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id != NoId)
        {
            return new IdCondition(value.Option, kind, value.Operator, id);
        }

        bool isUser = kind is IdKind.Uid or IdKind.Euid or IdKind.Fowner;
        bool mayBeName = value.Syntax == PolicySyntax.Yaml && value.Text.Length > 0 && !char.IsAsciiDigit(value.Text[0]);
        uint found = mayBeName
            ? FindId(value.Text, isUser)
            : throw new FormatException($"\"{value.Text}\" is not a decimal number below {NoId}");
        return new IdCondition(value.Option, kind, value.Operator, found, value.Text);
    }

    public override bool? Holds(in AccessFacts facts)
    {
        Subject subject = facts.Subject;
        return kind == IdKind.Fowner ? Compare(facts.Target.Owner)
            : kind == IdKind.Fgroup ? Compare(facts.Target.Group)
            : (_asks & ~subject.Known) != SubjectFacts.None ? null
            : kind == IdKind.Uid ? Compare(subject.Uid)
            : kind == IdKind.Gid ? Compare(subject.Gid)
            // Whoever can become another is another.
            : kind == IdKind.Euid
                ? Compare(facts.Euid) || (subject.MaySetUid && (Compare(facts.Suid) || Compare(subject.Uid)))
            : Compare(facts.Egid) || (subject.MaySetGid && (Compare(facts.Sgid) || Compare(subject.Gid)));
    }

    /// <summary>A database that does not answer leaves a rule that is not understood, like any other.</summary>
    static uint FindId(string name, bool isUser)
    {
        try
        {
            return (isUser ? UserNames.FindUser(name) : UserNames.FindGroup(name))
                ?? throw new FormatException($"there is no {(isUser ? "user" : "group")} \"{name}\" here");
        }
        catch (ErrnoException e)
        {
            throw new FormatException(e.Message);
        }
    }

    RuleRange RangeOf(RangeKind range) => Operator switch
    {
        '=' => new RuleRange(range, bound, bound),
        '<' when bound == 0 => new RuleRange(range, 1, 0),
        '<' => new RuleRange(range, 0, bound - 1),
        _ => new RuleRange(range, bound + 1, uint.MaxValue),
    };

    bool Compare(uint id) => Operator switch
    {
        '=' => id == bound,
        '<' => id < bound,
        _ => id > bound,
    };
}
