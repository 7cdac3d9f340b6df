using ImaHost.Daemon;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>The manual pages know each key that the readers know.</summary>
public sealed class ManualTests
{
    [Fact]
    public void Manual_names_every_key_of_the_configuration()
    {
        string manual = Read("docs", "imahost.yaml.5.scd");
        Assert.All(ConfigurationFile.Names, name => Assert.Contains($"*{name}*", manual, StringComparison.Ordinal));
    }

    [Fact]
    public void Shown_configuration_names_every_key()
    {
        string shown = Read("packaging", "imahost.yaml");
        Assert.All(ConfigurationFile.Names, name => Assert.Matches($"(?m)^(# *)?{name}:", shown));
    }

    [Fact]
    public void Manual_names_every_option_of_a_rule_and_every_built_in_policy()
    {
        string manual = Read("docs", "imahost-policy.5.scd");
        Assert.All(RuleOptions.NamesIn(PolicySyntax.Yaml), name => Assert.Matches($@"\*{name}(: \w+)?\*", manual));
        Assert.All(BuiltInPolicies.Names, name => Assert.Contains($"*{name}*", manual, StringComparison.Ordinal));
    }

    static string Read(params string[] path) => File.ReadAllText(Repository.Locate(path));
}
