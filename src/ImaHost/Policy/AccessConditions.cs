using System.Text;

namespace ImaHost.Policy;

/// <summary>func=.</summary>
sealed class FuncCondition(RuleOption option, ImaHook hook) : RuleCondition(option, '=', [hook.Name()])
{
    public ImaHook Hook => hook;

    public static FuncCondition Read(in RuleValue value) => new(
        value.Option,
        ImaHooks.Parse(value.Text)
            ?? throw new FormatException($"\"{value.Text}\" is not a hook; {Spelling.Hint(value.Text, ImaHooks.Names)}"));

    public override bool? Holds(in AccessFacts facts) => facts.Hook == hook;
}

/// <summary>mask=MAY_READ: the access is for that and no more. mask=^MAY_READ: it is for that, too.</summary>
sealed class MaskCondition(RuleOption option, AccessMask mask, bool includes)
    : RuleCondition(option, '=', [(includes ? "^" : "") + Names.First(pair => pair.Value == mask).Key])
{
    static readonly Dictionary<string, AccessMask> Names = new(StringComparer.Ordinal)
    {
        ["MAY_EXEC"] = AccessMask.Exec,
        ["MAY_WRITE"] = AccessMask.Write,
        ["MAY_READ"] = AccessMask.Read,
        ["MAY_APPEND"] = AccessMask.Append,
    };

    /// <summary>It holds for nothing but executing.</summary>
    public bool IsOfExecAlone => mask == AccessMask.Exec;

    /// <summary>The kernel's names.</summary>
    public static IReadOnlyCollection<string> Known => Names.Keys;

    public static AccessMask? Find(string name) => Names.TryGetValue(name, out AccessMask mask) ? mask : null;

    /// <summary>"MAY_READ|MAY_WRITE".</summary>
    public static string Show(AccessMask mask) =>
        string.Join('|', Names.Where(pair => (pair.Value & mask) != 0).Select(pair => pair.Key));

    public static MaskCondition Read(in RuleValue value)
    {
        string name = value.Text.TrimStart('^');
        return value.Text.Length - name.Length <= 1 && Find(name) is { } mask
            ? new MaskCondition(value.Option, mask, value.Text[0] == '^')
            : throw new FormatException($"\"{value.Text}\" is not a mask; {Spelling.Hint(value.Text, Names.Keys)}");
    }

    public override bool? Holds(in AccessFacts facts) =>
        facts.Mask is not { } access ? null : includes ? (access & mask) != 0 : access == mask;
}

/// <summary>label= of CRITICAL_DATA: which buffers. Their names are the label, or begin with it and "-".</summary>
sealed class DataLabelCondition(RuleOption option, IReadOnlyList<string> labels) : RuleCondition(option, '=', labels)
{
    readonly byte[][] _labels = [.. labels.Select(Encoding.UTF8.GetBytes)];

    public static DataLabelCondition Read(in RuleValue value) => new(value.Option, value.Items);

    public override bool? Holds(in AccessFacts facts)
    {
        ReadOnlySpan<byte> name = facts.Target.Path;
        foreach (byte[] label in _labels)
        {
            if (name.StartsWith(label) && (name.Length == label.Length || name[label.Length] == '-'))
            {
                return true;
            }
        }

        return false;
    }
}
