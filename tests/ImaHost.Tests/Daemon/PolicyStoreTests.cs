using ImaHost.Daemon;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class PolicyStoreTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Policy_is_loaded_as_it_was_saved_with_the_origin_of_each_rule()
    {
        string first = _directory.Write("a", "# why\nmeasure func=BPRM_CHECK\n");
        string second = _directory.Write("b", "dont_measure fowner=5\nappraise uid<1000\n");
        ImaPolicy policy = PolicyStore.ReadFiles([first, second]);
        PolicyStore.Save(_directory.At("policy"), policy);
        ImaPolicy loaded = PolicyStore.Load(_directory.At("policy"));
        Assert.Equal(policy.Rules.Select(Policies.Describe), loaded.Rules.Select(Policies.Describe));
        Assert.Equal(policy.Fingerprint, loaded.Fingerprint);
        Assert.Equal([$"{first}:2", $"{second}:1", $"{second}:2"], loaded.Rules.Select(rule => rule.Origin));
    }

    [Fact]
    public void Policy_is_the_built_in_one_without_files()
    {
        PolicyStore.Save(_directory.At("policy"), PolicyStore.ReadFiles([]));
        Assert.Equal(ImaPolicy.Default.ToString(), PolicyStore.Load(_directory.At("policy")).ToString());
    }

    [Fact]
    public void Policy_without_rules_stays_one()
    {
        PolicyStore.Save(_directory.At("policy"), PolicyStore.ReadFiles([_directory.Write("a", "# nothing\n")]));
        Assert.Empty(PolicyStore.Load(_directory.At("policy")).Rules);
    }

    [Fact]
    public void Policy_file_that_is_missing_is_named()
    {
        ConfigurationException refused =
            Assert.Throws<ConfigurationException>(() => PolicyStore.ReadFiles([_directory.At("missing")]));
        Assert.Contains(_directory.At("missing"), refused.Message, StringComparison.Ordinal);
    }
}
