using ImaHost.Policy;

namespace ImaHost.Daemon;

/// <summary>The policy that is configured.</summary>
static class PolicySources
{
    /// <summary>The keys that files of rules must be signed with; null: they need no signature.</summary>
    /// <exception cref="PolicyException">Some key cannot be read.</exception>
    public static PolicyKeys? Keys(DaemonOptions options) =>
        options.PolicyKeys.Count == 0 ? null : PolicyKeys.Load(options.PolicyKeys);

    /// <param name="entries">Built-in names, files, directories; none: the standard directories.</param>
    /// <exception cref="PolicyException">Some part of it is not understood, or not signed.</exception>
    public static LoadedPolicy Load(IReadOnlyList<string> entries, DaemonOptions options) =>
        PolicyEntries.Load(entries, Fallback(options), Keys(options));

    /// <summary>
    /// A policy that cannot be loaded never means that nothing is measured: the last one that was in force takes its
    /// place, or else the built-in one.
    /// </summary>
    /// <param name="storePath">Where the last one is.</param>
    public static StoredPolicy LoadAtStart(DaemonOptions options, string storePath)
    {
        try
        {
            foreach (string warning in Keys(options)?.Warnings ?? [])
            {
                Console.Error.WriteLine($"imahost: {warning}");
            }

            LoadedPolicy loaded = Load(options.Policy, options);
            return new StoredPolicy(new ImaPolicy(loaded.Rules, loaded.FailsSecurely));
        }
        catch (Exception e) when (e is PolicyException or IOException or UnauthorizedAccessException)
        {
            (ImaPolicy instead, string name) = LastGood(storePath) is { } last
                ? (last, "the last good one")
                : (ImaPolicy.Default, $"the built-in {BuiltInPolicies.Default}");
            string fault = $"the configured policy is not in force, but {name}: {e.Message}";
            Console.Error.WriteLine($"imahost: {fault}");
            return new StoredPolicy(instead, fault);
        }
    }

    /// <summary>
    /// What a host that replaces another goes on with. A store that was damaged meanwhile is no reason for accesses to
    /// be without a host.
    /// </summary>
    public static StoredPolicy Resume(string storePath) => TryLoad(storePath, out string error) ?? new StoredPolicy(
        ImaPolicy.Default,
        $"the policy that was in force is lost, the built-in {BuiltInPolicies.Default} is instead: {error}");

    /// <summary>Never without rules.</summary>
    static IReadOnlyList<string> Fallback(DaemonOptions options) =>
        options.PolicyFallback.Any(name => name != BuiltInPolicies.FailSecurely)
            ? options.PolicyFallback
            : [.. options.PolicyFallback, BuiltInPolicies.Default];

    static ImaPolicy? LastGood(string storePath) =>
        TryLoad(storePath, out _)?.Policy is { Rules.Count: > 0 } last ? last : null;

    static StoredPolicy? TryLoad(string storePath, out string error)
    {
        error = "";
        try
        {
            return PolicyStore.Load(storePath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PolicyException)
        {
            error = e.Message;
            return null;
        }
    }
}
