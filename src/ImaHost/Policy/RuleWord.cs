namespace ImaHost.Policy;

/// <summary>The two ways in which rules are written.</summary>
enum PolicySyntax
{
    /// <summary>The kernel's own language, one rule a line.</summary>
    Kernel,
    /// <summary>The same words as keys.</summary>
    Yaml,
}

/// <summary>What was written for an option, before it is understood.</summary>
/// <param name="Operator">'=', '&lt;' or '&gt;'.</param>
/// <param name="Items">One value, or several where the option takes them.</param>
readonly record struct RuleValue(RuleOption Option, char Operator, IReadOnlyList<string> Items, PolicySyntax Syntax)
{
    /// <summary>The value, where there is one.</summary>
    public string Text => Items[0];
}

/// <summary>One word of a rule besides its action: "uid&gt;999", understood.</summary>
/// <param name="comparison">'=', '&lt;' or '&gt;'.</param>
/// <param name="items">Its values, as the kernel would show them.</param>
class RuleWord(RuleOption option, char comparison, IReadOnlyList<string> items)
{
    public RuleOption Option => option;

    public char Operator => comparison;

    public IReadOnlyList<string> Items => items;

    /// <summary>Its values as they were written in YAML, where names may stand for numbers.</summary>
    public virtual IReadOnlyList<string> YamlItems => items;
}

/// <summary>A word that says how, not when: pcr=11.</summary>
sealed class RuleSetting<T>(RuleOption option, T value, params string[] items) : RuleWord(option, '=', items)
{
    public T Value => value;
}

/// <summary>A word that says when: a condition on the access.</summary>
abstract class RuleCondition(RuleOption option, char comparison, IReadOnlyList<string> items)
    : RuleWord(option, comparison, items)
{
    /// <summary>What must be known of the subject to tell.</summary>
    public virtual SubjectFacts AsksSubject => SubjectFacts.None;

    /// <summary>What must be known of the file to tell.</summary>
    public virtual TargetFacts AsksTarget => TargetFacts.None;

    /// <summary>It is about the file alone: the same whoever accesses it, in whatever way, under whatever name.</summary>
    public virtual bool IsAboutFile => false;

    /// <summary>It can hold only for accesses that have one of these; empty: for others too.</summary>
    public virtual IReadOnlyList<RuleKey> Keys => [];

    /// <summary>It can hold only for accesses in this range.</summary>
    public virtual RuleRange Range => RuleRange.All;

    /// <summary>Null: what it asks for is not known.</summary>
    public abstract bool? Holds(in AccessFacts facts);
}
