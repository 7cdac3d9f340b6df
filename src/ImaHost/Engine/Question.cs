using ImaHost.Policy;

namespace ImaHost.Engine;

/// <summary>What the policy asks about one access.</summary>
/// <param name="hook">The hook it is reported under.</param>
/// <param name="holdsForAll">Nothing more would be asked, whoever accessed the file in whatever way.</param>
/// <param name="policy">The policy that was asked.</param>
readonly struct Question(ImaHook hook, PolicyDecision decision, bool holdsForAll, ImaPolicy policy)
{
    public readonly PolicyDecision Decision = decision;

    public ImaHook Hook => hook;

    public bool HoldsForAll => holdsForAll;

    /// <summary>The fingerprint of the policy that was asked.</summary>
    public ulong Policy => policy.Fingerprint;

    /// <inheritdoc cref="ImaPolicy.FailsSecurely"/>
    public bool FailsSecurely => policy.FailsSecurely;

    /// <summary>That, and what one more rule asks for.</summary>
    public Question With(ImaRule rule)
    {
        PolicyDecision decision = Decision;
        decision.Add(rule);
        return new Question(hook, decision, holdsForAll, policy);
    }

    /// <summary>
    /// One event stands for several hooks: the open that maps a file is also a read, and the open within execve(2)
    /// passes FILE_CHECK with MAY_EXEC.
    /// </summary>
    /// <param name="facts">Its hook is that of the event: BPRM_CHECK, MMAP_CHECK or FILE_CHECK; its mask that of the open.</param>
    /// <param name="loads">What the kernel might do with the file besides, or null.</param>
    public static Question Ask(ImaPolicy policy, in AccessFacts facts, ImaHook? loads, bool isRegular)
    {
        var decision = default(PolicyDecision);
        if (!isRegular)
        {
            return new Question(facts.Hook, decision, holdsForAll: false, policy);
        }

        if (facts.Hook == ImaHook.BprmCheck)
        {
            policy.Match(facts.At(ImaHook.FileCheck, AccessMask.Exec), ref decision);
            policy.Match(facts.At(ImaHook.BprmCheck), ref decision);
            policy.Match(facts.At(ImaHook.CredsCheck), ref decision);
        }
        else
        {
            policy.Match(facts.At(ImaHook.FileCheck, facts.Mask), ref decision);
        }

        if (facts.Hook == ImaHook.MmapCheck)
        {
            policy.Match(facts.At(ImaHook.MmapCheck), ref decision);
            policy.Match(facts.At(ImaHook.MmapCheckReqprot), ref decision);
        }

        if (loads is { } hook)
        {
            policy.Match(facts.At(hook), ref decision);
        }

        return new Question(facts.Hook, decision, !policy.MayAskMore(in decision, in facts), policy);
    }
}
