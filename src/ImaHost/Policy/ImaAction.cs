namespace ImaHost.Policy;

/// <summary>What a rule asks for (the action flags of ima_policy.c).</summary>
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
    /// <summary>Write its digest to the log.</summary>
    Audit,
    /// <summary>Write its digest to security.ima.</summary>
    Hash,
    /// <summary>Do not, whatever later rules say.</summary>
    DontHash,
}

/// <summary>Actions of one class decide among themselves: the first rule that matches.</summary>
enum ActionClass
{
    Measure,
    Appraise,
    Audit,
    Hash,
}

/// <summary>The kernel's names for actions.</summary>
static class ImaActions
{
    static readonly string[] Words =
        ["measure", "dont_measure", "appraise", "dont_appraise", "audit", "hash", "dont_hash"];

    static readonly ActionClass[] Classes =
    [
        ActionClass.Measure, ActionClass.Measure, ActionClass.Appraise, ActionClass.Appraise, ActionClass.Audit,
        ActionClass.Hash, ActionClass.Hash,
    ];

    public static IReadOnlyList<string> Names => Words;

    public static string Name(this ImaAction action) => Words[(int)action];

    public static ImaAction? Parse(string word) =>
        Array.IndexOf(Words, word) is >= 0 and int index ? (ImaAction)index : null;

    public static ActionClass Class(this ImaAction action) => Classes[(int)action];

    /// <summary>It asks for something, rather than to leave it.</summary>
    public static bool IsPositive(this ImaAction action) =>
        action is ImaAction.Measure or ImaAction.Appraise or ImaAction.Audit or ImaAction.Hash;
}
