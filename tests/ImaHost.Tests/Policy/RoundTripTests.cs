using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>One rule model, two ways to write it: nothing is lost from one to the other.</summary>
public sealed class RoundTripTests
{
    const int Rounds = 4000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Rules_survive_the_kernels_text_and_yaml_in_any_order(int seed)
    {
        List<ImaRule> rules = new RandomRules(seed).Next(Rounds);
        string[] described = [.. rules.Select(Policies.Describe)];
        string kernel = KernelPolicyText.Of(rules);
        string yaml = YamlPolicyText.Of(rules);

        List<ImaRule> fromKernel = KernelPolicyReader.Read(kernel, "kernel");
        AssertSame(described, fromKernel, kernel.Split('\n'));
        IReadOnlyList<ImaRule> fromYaml = YamlPolicyReader.Read(yaml, "yaml").Rules;
        AssertSame(described, fromYaml, described);

        Assert.Equal(kernel, KernelPolicyText.Of(fromYaml));
        Assert.Equal(yaml, YamlPolicyText.Of(fromKernel));
        Assert.Equal(new ImaPolicy(rules).Fingerprint, new ImaPolicy(fromYaml).Fingerprint);
    }

    [Fact]
    public void Random_rules_have_every_option_and_every_hook_and_action()
    {
        List<ImaRule> rules = new RandomRules(1).Next(Rounds);
        Assert.Equal(
            RuleOptions.All.Select(option => option.Name).Order(StringComparer.Ordinal),
            rules.SelectMany(rule => rule.Words).Select(word => word.Option.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(ImaActions.Names.Count, rules.Select(rule => rule.Action).Distinct().Count());
        Assert.Equal(
            Enum.GetValues<ImaHook>().Where(hook => hook is not ImaHook.SetxattrCheck),
            rules.Select(rule => rule.Func).OfType<ImaHook>().Distinct().Order());
    }

    [Theory]
    [InlineData("/a b")]
    [InlineData("/a|b")]
    [InlineData("/a\\\\b")]
    [InlineData("/a\\040b")]
    [InlineData("/a\\134040b")]
    [InlineData("/\"quoted\" 'twice'")]
    [InlineData("/ü/日本/😀")]
    [InlineData("/trailing ")]
    [InlineData("/a: b #c")]
    [InlineData("/[|]")]
    [InlineData("/\\")]
    public void Pattern_is_the_same_however_it_was_written(string pattern)
    {
        string quoted = pattern.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        ImaRule yaml = Policies.YamlRule("measure", $"path: \"{quoted}\"");
        Assert.Equal([pattern], Assert.Single(yaml.Words).Items);
        ImaRule kernel = Policies.Rule(yaml.ToString());
        Assert.Equal(Policies.Describe(yaml), Policies.Describe(kernel));
        Assert.DoesNotContain(' ', yaml.ToString()["measure ".Length..]);
        IReadOnlyList<ImaRule> again = YamlPolicyReader.Read(YamlPolicyText.Of([kernel]), "again").Rules;
        Assert.Equal(Policies.Describe(yaml), Policies.Describe(Assert.Single(again)));
    }

    [Fact]
    public void Names_of_users_stay_names_in_yaml_and_are_numbers_in_the_kernels_text()
    {
        ImaRule rule = Policies.YamlRule("measure", "uid: root", "fgroup: \">root\"");
        Assert.Equal("measure uid=0 fgroup>0", rule.ToString());
        string yaml = YamlPolicyText.Of([rule]);
        Assert.Contains("    uid: root\n", yaml, StringComparison.Ordinal);
        Assert.Contains("    fgroup: \">root\"\n", yaml, StringComparison.Ordinal);
        Assert.Equal(Policies.Describe(rule), Policies.Describe(YamlPolicyReader.Read(yaml, "again").Rules[0]));
        Assert.Throws<PolicyException>(() => Policies.Rule("measure uid=root"));
    }

    [Fact]
    public void Separator_within_a_value_of_a_list_separates()
    {
        ImaRule rule = Policies.YamlRule("dont_measure", "func: KEY_CHECK", "keyrings: [\"a|b\", c]");
        Assert.Equal("dont_measure func=KEY_CHECK keyrings=a|b|c", rule.ToString());
        Assert.Equal(Policies.Describe(Policies.Rule(rule.ToString())), Policies.Describe(rule));
    }

    [Fact]
    public void No_rules_are_no_rules_in_either_syntax()
    {
        Assert.Equal("", KernelPolicyText.Of((IEnumerable<ImaRule>)[]));
        Assert.Empty(YamlPolicyReader.Read(YamlPolicyText.Of([]), "empty").Rules);
    }

    static void AssertSame(string[] expected, IReadOnlyList<ImaRule> rules, string[] texts)
    {
        Assert.Equal(expected.Length, rules.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i] == Policies.Describe(rules[i]), $"{texts[i]}\n{expected[i]}\n{Policies.Describe(rules[i])}");
        }
    }
}
