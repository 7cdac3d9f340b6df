using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace ImaHost.Policy;

/// <summary>
/// What the rules ask of one access: at each hook it passes, and in each class of actions, the first that matches.
/// Rules that would do the same are held once.
/// </summary>
struct PolicyDecision
{
    RuleSet _measure;
    RuleSet _appraise;

    /// <summary>The rules that measure, one for each entry that is to be made.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<ImaRule> Measure => _measure.Rules;

    /// <summary>The rules that appraise: each must be content.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<ImaRule> Appraise => _appraise.Rules;

    /// <summary>The rule that wants the digest in the log, or null.</summary>
    public ImaRule? Audit { get; private set; }

    /// <summary>The rule that wants the digest in security.ima, or null.</summary>
    public ImaRule? Hash { get; private set; }

    public readonly bool Measures => _measure.Count > 0;

    public readonly bool Appraises => _appraise.Count > 0;

    public readonly bool IsNothing => !Measures && !Appraises && Audit == null && Hash == null;

    /// <summary>Does it ask for all that a rule does?</summary>
    public readonly bool Covers(ImaRule rule) => rule.Action.Class() switch
    {
        ActionClass.Measure => _measure.Has(rule),
        ActionClass.Appraise => _appraise.Has(rule),
        ActionClass.Audit => Audit != null,
        // What is appraised is not hashed, whatever rules say (ima_match_policy).
        ActionClass.Hash or _ => Hash != null || Appraises,
    };

    /// <summary>Takes what a rule asks for, too.</summary>
    public void Add(ImaRule rule)
    {
        switch (rule.Action)
        {
            case ImaAction.Measure:
                _measure.Add(rule);
                break;
            case ImaAction.Appraise:
                _appraise.Add(rule);
                break;
            case ImaAction.Audit:
                Audit ??= rule;
                break;
            case ImaAction.Hash:
                Hash ??= rule;
                break;
            case ImaAction.DontMeasure or ImaAction.DontAppraise or ImaAction.DontHash:
            default:
                break;
        }
    }

    /// <summary>Rules that do different things. Room for one of each hook that a single access passes.</summary>
    struct RuleSet
    {
        Room _room;

        public int Count { get; private set; }

        [UnscopedRef]
        public readonly ReadOnlySpan<ImaRule> Rules => ((ReadOnlySpan<ImaRule>)_room)[..Count];

        public readonly bool Has(ImaRule rule)
        {
            foreach (ImaRule one in Rules)
            {
                if (one.DoesSame(rule))
                {
                    return true;
                }
            }

            return false;
        }

        public void Add(ImaRule rule)
        {
            if (!Has(rule))
            {
                _room[Count++] = rule;
            }
        }

        [InlineArray(5)]
        struct Room
        {
            ImaRule _first;
        }
    }
}
