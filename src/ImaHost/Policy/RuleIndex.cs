namespace ImaHost.Policy;

/// <summary>
/// Finds the first rule that matches among rules of one class that are about one hook, without looking at all: those
/// that can hold only for one user, one owner, one place … are found by that.
/// </summary>
sealed class RuleIndex
{
    readonly ImaRule[] _rules;
    readonly SubjectFacts _subject;
    readonly TargetFacts _target;

    /// <summary>Numbers of the rules that no key leads to.</summary>
    readonly int[] _rest;

    /// <summary>By kind of key: which rules a value leads to. Null: no rule is found by that.</summary>
    readonly Dictionary<ulong, int[]>?[] _tables = new Dictionary<ulong, int[]>?[Enum.GetValues<RuleKeyKind>().Length];

    /// <param name="rules">In order.</param>
    public RuleIndex(IEnumerable<ImaRule> rules)
    {
        _rules = [.. rules];
        var rest = new List<int>();
        var keyed = new List<(RuleKey Key, int Number)>();
        for (int i = 0; i < _rules.Length; i++)
        {
            if (BestKeyed(_rules[i]) is not { } condition)
            {
                rest.Add(i);
                continue;
            }

            int number = i;
            keyed.AddRange(condition.Keys.Distinct().Select(key => (key, number)));
            _subject |= condition.AsksSubject;
            _target |= condition.AsksTarget;
        }

        _rest = [.. rest];
        foreach (var kind in keyed.GroupBy(one => one.Key.Kind))
        {
            _tables[(int)kind.Key] = kind.GroupBy(one => one.Key.Value, one => one.Number)
                .ToDictionary(same => same.Key, same => same.ToArray());
        }
    }

    /// <summary>The first rule that matches, or null.</summary>
    public ImaRule? Find(in AccessFacts facts)
    {
        if ((_subject & ~facts.Subject.Known) != 0 || (_target & ~facts.Target.Known) != 0)
        {
            return FindAmongAll(in facts);
        }

        int best = First(_rest, int.MaxValue, in facts);
        for (int kind = (int)RuleKeyKind.Device; kind < _tables.Length; kind++)
        {
            if (_tables[kind] is { } table && table.TryGetValue(KeyOf((RuleKeyKind)kind, in facts), out int[]? numbers))
            {
                best = First(numbers, best, in facts);
            }
        }

        if (_tables[(int)RuleKeyKind.Path] is { } paths)
        {
            best = FirstByPath(paths, best, in facts);
        }

        return best == int.MaxValue ? null : _rules[best];
    }

    static RuleCondition? BestKeyed(ImaRule rule) =>
        rule.Conditions.Where(condition => condition.Keys.Count > 0).MinBy(condition => condition.Keys[0].Kind);

    static ulong KeyOf(RuleKeyKind kind, in AccessFacts facts) => kind switch
    {
        RuleKeyKind.Device => RuleKey.OfDevice(facts.Target.Device).Value,
        RuleKeyKind.Uid => facts.Subject.Uid,
        RuleKeyKind.Gid => facts.Subject.Gid,
        RuleKeyKind.Fowner => facts.Target.Owner,
        RuleKeyKind.Fgroup => facts.Target.Group,
        RuleKeyKind.FsMagic => (ulong)facts.Target.FsMagic,
        RuleKeyKind.Path or _ => 0,
    };

    int FirstByPath(Dictionary<ulong, int[]> paths, int best, in AccessFacts facts)
    {
        Span<ulong> keys = stackalloc ulong[RuleKey.MostOfPath];
        int count = RuleKey.OfPathAndAbove(facts.Target.Path, keys);
        foreach (ulong key in keys[..count])
        {
            if (paths.TryGetValue(key, out int[]? numbers))
            {
                best = First(numbers, best, in facts);
            }
        }

        return best;
    }

    /// <summary>The first of these that matches and stands before the best so far; else that.</summary>
    int First(int[] numbers, int best, in AccessFacts facts)
    {
        foreach (int number in numbers)
        {
            if (number >= best)
            {
                break;
            }

            if (_rules[number].Matches(in facts))
            {
                return number;
            }
        }

        return best;
    }

    ImaRule? FindAmongAll(in AccessFacts facts)
    {
        foreach (ImaRule rule in _rules)
        {
            if (rule.Matches(in facts))
            {
                return rule;
            }
        }

        return null;
    }
}
