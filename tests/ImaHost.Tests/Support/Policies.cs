using ImaHost.Policy;

namespace ImaHost.Tests.Support;

/// <summary>Rules out of a test's text.</summary>
static class Policies
{
    public static ImaPolicy Read(string kernelText) => new(KernelPolicyReader.Read(kernelText, "test"));

    public static ImaRule Rule(string line) => KernelPolicyReader.ReadRule(line, "test", 1)!;

    /// <summary>One rule in YAML: the keys after its action.</summary>
    public static ImaRule YamlRule(string action, params string[] options) =>
        YamlPolicyReader.Read(
            $"version: 1\nrules:\n  - action: {action}\n{string.Concat(options.Select(option => $"    {option}\n"))}",
            "test").Rules[0];

    /// <summary>All that a rule says, so that two can be compared; not where it stands.</summary>
    public static string Describe(ImaRule rule) => string.Join('\n', rule.Words.Select(Describe).Prepend(rule.Action.Name()));

    static string Describe(RuleWord word) =>
        $"{word.Option.Name} {word.Operator} [{string.Join("][", word.Items)}] [{string.Join("][", word.YamlItems)}]";
}
