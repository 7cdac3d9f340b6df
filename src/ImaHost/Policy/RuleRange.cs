namespace ImaHost.Policy;

/// <summary>Which id of an access is in a range.</summary>
enum RangeKind
{
    /// <summary>None: every access is in the range.</summary>
    Any,
    Uid,
    Gid,
    Fowner,
    Fgroup,
}

/// <summary>Ids that a rule can match for: what many rules without a key are skipped by, quickly.</summary>
readonly record struct RuleRange(RangeKind Kind, uint Low, uint High)
{
    /// <summary>How many kinds there are.</summary>
    public const int Kinds = (int)RangeKind.Fgroup + 1;

    public static RuleRange All { get; } = new(RangeKind.Any, 0, uint.MaxValue);

    /// <summary>The ids of an access, by kind.</summary>
    public static void Read(in AccessFacts facts, Span<uint> ids)
    {
        ids[(int)RangeKind.Any] = 0;
        ids[(int)RangeKind.Uid] = facts.Subject.Uid;
        ids[(int)RangeKind.Gid] = facts.Subject.Gid;
        ids[(int)RangeKind.Fowner] = facts.Target.Owner;
        ids[(int)RangeKind.Fgroup] = facts.Target.Group;
    }

    public bool Has(ReadOnlySpan<uint> ids) => ids[(int)Kind] >= Low && ids[(int)Kind] <= High;
}
