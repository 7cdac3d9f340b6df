using ImaHost.Interop;

namespace ImaHost.Events;

/// <summary>The answer to one access.</summary>
/// <param name="Cache">It holds until the file or the policy changes; the kernel need not ask again.</param>
/// <param name="Policy">The fingerprint of the policy it follows; 0: of none, it could not be judged.</param>
readonly record struct Verdict(GuardDecision Decision, bool Cache, ulong Policy = 0)
{
    public static readonly Verdict Allow = new(GuardDecision.Allow, Cache: false);
    public static readonly Verdict Deny = new(GuardDecision.Deny, Cache: false);

    /// <summary>The program is open for writing: ETXTBSY, as the kernel says.</summary>
    public static readonly Verdict Busy = new(GuardDecision.Busy, Cache: false);
}
