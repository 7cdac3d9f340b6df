using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ImaHost.Policy;

/// <summary>What the rules ask of one access: in each class of actions the first that matches.</summary>
/// <param name="Also">Another rule that measures, into another PCR or by another template.</param>
readonly record struct PolicyDecision(ImaRule? Measure, ImaRule? Appraise, ImaRule? Also = null)
{
    public bool IsNothing => Measure == null && Appraise == null;

    /// <summary>Does this decision do all that the other asks for?</summary>
    public bool Covers(in PolicyDecision other) =>
        Enters(other.Measure) && Enters(other.Also) && (Appraise != null || other.Appraise == null);

    /// <summary>Both: one access can pass two hooks.</summary>
    public PolicyDecision And(in PolicyDecision other) => new(
        Measure ?? other.Measure, Appraise ?? other.Appraise,
        Measure != null && !Enters(other.Measure) ? other.Measure : null);

    /// <summary>Does it make the entry that a rule asks for?</summary>
    bool Enters(ImaRule? rule) => rule == null || IsSameEntry(Measure, rule) || IsSameEntry(Also, rule);

    static bool IsSameEntry(ImaRule? one, ImaRule other) =>
        one != null && one.Pcr == other.Pcr && one.Template == other.Template;
}

/// <summary>The rules in force. It never changes: a new policy is a new object.</summary>
sealed class ImaPolicy
{
    readonly ImaRule[] _rules;

    public ImaPolicy(IEnumerable<ImaRule> rules)
    {
        _rules = [.. rules];
        AsksAboutSubject = _rules.Any(rule => rule.AsksAboutSubject);
        AsksAboutReads = _rules.Any(rule =>
            rule.Action is ImaAction.Measure or ImaAction.Appraise && rule.Func is null or ImaHook.FileCheck);
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(ToString()));
        Fingerprint = BinaryPrimitives.ReadUInt64LittleEndian(digest);
    }

    /// <summary>A number that differs when the rules do: verdicts are kept under it.</summary>
    public ulong Fingerprint { get; }

    /// <summary>Programs and what they map to execute: ours when nothing else is configured.</summary>
    public static ImaPolicy Exec { get; } = new(
    [
        new ImaRule(ImaAction.Measure) { Func = ImaHook.BprmCheck },
        new ImaRule(ImaAction.Measure) { Func = ImaHook.MmapCheck },
        new ImaRule(ImaAction.Appraise) { Func = ImaHook.BprmCheck },
        new ImaRule(ImaAction.Appraise) { Func = ImaHook.MmapCheck },
    ]);

    public IReadOnlyList<ImaRule> Rules => _rules;

    /// <summary>Some rule depends on who asks: a verdict for one is none for another.</summary>
    public bool AsksAboutSubject { get; }

    /// <summary>Some rule may ask about plain reads: the guard must send them too.</summary>
    public bool AsksAboutReads { get; }

    /// <summary>ima_match_policy: first match wins, in each class of its own.</summary>
    public PolicyDecision Match(ImaHook hook, AccessMask mask, Subject subject, in Target target)
    {
        ImaRule? measure = null;
        ImaRule? appraise = null;
        foreach (ImaRule rule in _rules)
        {
            bool measures = rule.Action is ImaAction.Measure or ImaAction.DontMeasure;
            if ((measures ? measure : appraise) == null && rule.Matches(hook, mask, subject, in target))
            {
                measure = measures ? rule : measure;
                appraise = measures ? appraise : rule;
            }
        }

        return new PolicyDecision(
            measure?.Action == ImaAction.Measure ? measure : null,
            appraise?.Action == ImaAction.Appraise ? appraise : null);
    }

    /// <summary>The policy in the kernel's language, one rule a line.</summary>
    public override string ToString() => string.Concat(_rules.Select(rule => $"{rule}\n"));
}
