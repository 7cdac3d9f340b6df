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

    /// <summary>Numbers of the rules that no key leads to, and what they can match for.</summary>
    readonly (int Number, RuleRange Range)[] _rest;

    /// <summary>By kind of key: which rules a value leads to. Null: no rule is found by that.</summary>
    readonly Dictionary<ulong, int[]>?[] _tables = new Dictionary<ulong, int[]>?[Enum.GetValues<RuleKeyKind>().Length];

    /// <param name="rules">In order.</param>
    public RuleIndex(IEnumerable<ImaRule> rules)
    {
        _rules = [.. rules];
        var rest = new List<(int, RuleRange)>();
        var keyed = new List<(RuleKey Key, int Number)>();
        for (int i = 0; i < _rules.Length; i++)
        {
            if (BestKeyed(_rules[i]) is not { } condition)
            {
                RuleCondition? ranged = _rules[i].Conditions.FirstOrDefault(one => one.Range != RuleRange.All);
                rest.Add((i, ranged?.Range ?? RuleRange.All));
                _subject |= ranged?.AsksSubject ?? SubjectFacts.None;
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

        int best = FirstOfRest(in facts);
        for (int kind = (int)RuleKeyKind.Device; kind < _tables.Length; kind++)
        {
            if (_tables[kind] is { } table && table.TryGetValue(KeyOf((RuleKeyKind)kind, in facts), out int[]? numbers))
            {
                best = First(numbers, best, in facts);
            }
        }

        best = FirstByPath(RuleKeyKind.Path, facts.Target.Path, best, in facts);
        best = FirstByPath(RuleKeyKind.Executable, facts.Subject.Executable.Written, best, in facts);
        best = FirstByPath(RuleKeyKind.Cgroup, facts.Subject.Cgroup.Written, best, in facts);
        best = FirstByEnd(best, in facts);
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
        RuleKeyKind.Path or RuleKeyKind.Executable or RuleKeyKind.Cgroup or RuleKeyKind.End or _ => 0,
    };

    int FirstByPath(RuleKeyKind kind, ReadOnlySpan<byte> path, int best, in AccessFacts facts)
    {
        if (_tables[(int)kind] is not { } paths)
        {
            return best;
        }

        Span<ulong> keys = stackalloc ulong[RuleKey.MostOfPath];
        int count = RuleKey.OfPathAndAbove(path, keys);
        return FirstByKeys(paths, keys[..count], best, in facts);
    }

    int FirstByEnd(int best, in AccessFacts facts)
    {
        if (_tables[(int)RuleKeyKind.End] is not { } ends)
        {
            return best;
        }

        Span<ulong> keys = stackalloc ulong[RuleKey.MostOfEnd];
        int count = RuleKey.OfEnds(facts.Target.Path, keys);
        return FirstByKeys(ends, keys[..count], best, in facts);
    }

    int FirstByKeys(Dictionary<ulong, int[]> table, ReadOnlySpan<ulong> keys, int best, in AccessFacts facts)
    {
        foreach (ulong key in keys)
        {
            if (table.TryGetValue(key, out int[]? numbers))
            {
                best = First(numbers, best, in facts);
            }
        }

        return best;
    }

    int FirstOfRest(in AccessFacts facts)
    {
        Span<uint> ids = stackalloc uint[RuleRange.Kinds];
        RuleRange.Read(in facts, ids);
        foreach (ref readonly (int Number, RuleRange Range) one in _rest.AsSpan())
        {
            if (one.Range.Has(ids) && _rules[one.Number].Matches(in facts))
            {
                return one.Number;
            }
        }

        return int.MaxValue;
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
