using System.Text;
using ImaHost.Policy;

namespace ImaHost.Fuzz;

/// <summary>
/// The readers of policies. For any bytes: nothing but <see cref="PolicyException"/> is thrown, and its message is one
/// line that is not long; rules that are accepted are the same rules when they are read from what they are shown as, in
/// the kernel's language and in YAML, and decide about an access without complaint.
/// </summary>
static class PolicyTargets
{
    /// <summary>An error names the place, a word, and what is known instead of it.</summary>
    const int LongestMessage = 1000;

    public static void RunKernel(ReadOnlySpan<byte> input) => Run(input, text => KernelPolicyReader.Read(text, "fuzz"));

    public static void RunYaml(ReadOnlySpan<byte> input) => Run(input, text => YamlPolicyReader.Read(text, "fuzz").Rules);

    static void Run(ReadOnlySpan<byte> input, Func<string, IReadOnlyList<ImaRule>> read)
    {
        IReadOnlyList<ImaRule> rules;
        try
        {
            rules = read(Encoding.UTF8.GetString(input));
        }
        catch (PolicyException e)
        {
            Property.Holds(
                e.Message.Length <= LongestMessage && !e.Message.Any(char.IsControl), $"an error that cannot be shown: {e.Message}");
            return;
        }

        string kernel = KernelPolicyText.Of(rules);
        string yaml = YamlPolicyText.Of(rules);
        RequireSame(rules, kernel, yaml, Again(() => KernelPolicyReader.Read(kernel, "kernel")), namesStay: false);
        RequireSame(rules, kernel, yaml, Again(() => YamlPolicyReader.Read(yaml, "yaml").Rules), namesStay: true);
        Decide(new ImaPolicy(rules));
    }

    static IReadOnlyList<ImaRule> Again(Func<IReadOnlyList<ImaRule>> read)
    {
        try
        {
            return read();
        }
        catch (PolicyException e)
        {
            throw new PropertyException($"what is shown is refused: {e.Message}");
        }
    }

    static void RequireSame(
        IReadOnlyList<ImaRule> rules, string kernel, string yaml, IReadOnlyList<ImaRule> again, bool namesStay)
    {
        Property.Holds(rules.Count == again.Count, $"{rules.Count} rules are read again as {again.Count}");
        Same(kernel, KernelPolicyText.Of(again), "the rules, and what they are read as again");
        if (namesStay || !rules.SelectMany(rule => rule.Words).Any(word => !word.Items.SequenceEqual(word.YamlItems)))
        {
            Same(yaml, YamlPolicyText.Of(again), "the rules in YAML, and what they are read as again");
        }

        IEnumerable<RuleWord> words = rules.SelectMany(rule => rule.Words);
        foreach ((RuleWord one, RuleWord other) in words.Zip(again.SelectMany(rule => rule.Words)))
        {
            Property.Holds(
                one.Option == other.Option && one.Operator == other.Operator && one.Items.SequenceEqual(other.Items),
                $"{one.Option.Name} {string.Join(' ', one.Items)} becomes {other.Option.Name} {string.Join(' ', other.Items)}");
        }
    }

    static void Decide(ImaPolicy policy)
    {
        var facts = new AccessFacts
        {
            Hook = ImaHook.FileCheck,
            Mask = AccessMask.Read,
            Subject = new Subject { Known = SubjectFacts.Ids },
            Target = new Target { Known = TargetFacts.Path, Path = "/usr/bin/a/a/a/b"u8 },
        };
        var decision = default(PolicyDecision);
        policy.Match(in facts, ref decision);
        _ = policy.MayAskMore(in decision, in facts);
    }

    static void Same(string expected, string actual, string what) =>
        Property.Same(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(actual), what);
}
