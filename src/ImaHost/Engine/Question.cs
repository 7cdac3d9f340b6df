using ImaHost.Policy;

namespace ImaHost.Engine;

/// <summary>What the policy asks about one access.</summary>
/// <param name="Hook">The hook it is reported under.</param>
/// <param name="HoldsForAll">The same would be asked, or less, whoever accessed the file in whatever way.</param>
/// <param name="Policy">The fingerprint of the policy that was asked.</param>
readonly record struct Question(ImaHook Hook, PolicyDecision Decision, bool HoldsForAll, ulong Policy)
{
    /// <summary>
    /// The open that maps a file is also a read, and the open within execve(2) passes FILE_CHECK with MAY_EXEC: one
    /// event stands for two hooks.
    /// </summary>
    public static Question Ask(ImaPolicy policy, ImaHook hook, Subject subject, in Target target, bool isRegular)
    {
        if (!isRegular)
        {
            return new Question(hook, default, HoldsForAll: false, policy.Fingerprint);
        }

        PolicyDecision exec = policy.Match(ImaHook.FileCheck, AccessMask.Exec, subject, in target)
            .And(policy.Match(ImaHook.BprmCheck, AccessMask.Exec, subject, in target));
        PolicyDecision read = policy.Match(ImaHook.FileCheck, AccessMask.Read, subject, in target);
        PolicyDecision map = read.And(policy.Match(ImaHook.MmapCheck, AccessMask.Exec, subject, in target));
        PolicyDecision decision = hook switch
        {
            ImaHook.BprmCheck => exec,
            ImaHook.MmapCheck => map,
            ImaHook.FileCheck => read,
            ImaHook.CriticalData or _ => throw new ArgumentOutOfRangeException(nameof(hook)),
        };
        bool holds = !policy.AsksAboutSubject && decision.Covers(in exec) && decision.Covers(in map);
        return new Question(hook, decision, holds, policy.Fingerprint);
    }
}
