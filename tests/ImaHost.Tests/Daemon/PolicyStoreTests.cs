using ImaHost.Daemon;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class PolicyStoreTests : IDisposable
{
    const string Good = "measure func=BPRM_CHECK\n";
    readonly TemporaryDirectory _directory = new();

    string Store => _directory.At("policy");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Policy_is_loaded_as_it_was_saved_with_the_origin_of_each_rule()
    {
        string first = _directory.Write("a", "# why\nmeasure func=BPRM_CHECK\n");
        string second = _directory.Write("b.yaml", "version: 1\nrules:\n  - action: appraise\n    path: \"/a b|c\"\n");
        StoredPolicy stored = Configured(first, second);
        PolicyStore.Save(Store, stored);
        StoredPolicy loaded = PolicyStore.Load(Store);
        Assert.Equal(stored.Policy.Rules.Select(Policies.Describe), loaded.Policy.Rules.Select(Policies.Describe));
        Assert.Equal(stored.Policy.Fingerprint, loaded.Policy.Fingerprint);
        Assert.Equal([$"{first}:2", $"{second}:3"], loaded.Policy.Rules.Select(rule => rule.Origin));
        Assert.Null(loaded.Fault);
    }

    [Fact]
    public void Fault_and_what_is_no_rule_are_kept_too()
    {
        var stored = new StoredPolicy(new ImaPolicy([], failsSecurely: true), "what\nfails");
        PolicyStore.Save(Store, stored);
        StoredPolicy loaded = PolicyStore.Load(Store);
        Assert.True(loaded.Policy.FailsSecurely);
        Assert.Equal("what fails", loaded.Fault);
        Assert.Equal(stored.Policy.Fingerprint, loaded.Policy.Fingerprint);
    }

    [Fact]
    public void Policy_without_rules_is_the_fallback() =>
        Assert.Equal(ImaPolicy.Default.ToString(), Configured(_directory.Write("a", "# nothing\n")).Policy.ToString());

    [Theory]
    [InlineData(null, "the built-in exec")]
    [InlineData("measur\n", "the built-in exec")]
    [InlineData("", "the built-in exec")]
    [InlineData(Good, "the built-in exec")]
    [InlineData($"{Good}# end\n", "the last good one")]
    public void Broken_policy_at_the_start_never_means_none(string? last, string instead)
    {
        if (last != null)
        {
            File.WriteAllText(Store, last);
        }

        string broken = _directory.Write("broken.ima", "measure\nmeasur\n");
        StoredPolicy stored = Configured(broken);
        Assert.Equal(instead == "the last good one" ? Good : ImaPolicy.Default.ToString(), stored.Policy.ToString());
        Assert.Contains($"not in force, but {instead}: {broken}:2:1: ", stored.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Last_good_policy_is_not_forgotten_over_several_starts()
    {
        File.WriteAllText(Store, $"{Good}# end\n");
        string broken = _directory.Write("broken.ima", "measur\n");
        for (int start = 0; start < 3; start++)
        {
            StoredPolicy stored = Configured(broken);
            Assert.Equal(Good, stored.Policy.ToString());
            PolicyStore.Save(Store, stored);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(Good)]
    [InlineData("measure func=BPRM_CHECK\nmeas")]
    public void Host_goes_on_when_the_store_is_damaged(string? text)
    {
        if (text != null)
        {
            File.WriteAllText(Store, text);
        }

        StoredPolicy stored = PolicySources.Resume(Store);
        Assert.Equal(ImaPolicy.Default.ToString(), stored.Policy.ToString());
        Assert.Contains("is lost", stored.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Name_of_a_file_is_no_rule_whatever_is_in_it()
    {
        string odd = _directory.Write("a\ndont_measure\nb.ima", Good);
        PolicyStore.Save(Store, Configured(odd));
        Assert.Equal(Good, PolicyStore.Load(Store).Policy.ToString());
    }

    [Fact]
    public void Policy_file_that_is_missing_is_named()
    {
        string missing = _directory.At("missing");
        Assert.Contains(missing, Configured(missing).Fault, StringComparison.Ordinal);
    }

    StoredPolicy Configured(params string[] files) =>
        PolicySources.LoadAtStart(new DaemonOptions { Policy = files }, Store);
}
