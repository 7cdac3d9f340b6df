using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class PolicyEntriesTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Standard_directories_are_read_without_entries()
    {
        string first = _directory.Write("usr/10.ima", "measure uid=1\n");
        string second = _directory.Write("etc/20.yaml", "version: 1\nrules: [{action: audit}]\n");
        LoadedPolicy policy = Load();
        Assert.Equal(["measure uid=1", "audit"], Text(policy));
        Assert.Equal([first, second], policy.Files.Select(file => file.Path));
        Assert.Equal($"{_directory.At("etc")}, {_directory.At("usr")}: 2 files", policy.Name);
        Assert.False(policy.FailsSecurely);
    }

    [Fact]
    public void Fallback_is_in_force_without_any_file()
    {
        LoadedPolicy policy = Load();
        Assert.Equal(Text(BuiltInPolicies.RulesOf("exec")), Text(policy));
        Assert.Equal("exec (built in)", policy.Name);
        Assert.Empty(policy.Files);
    }

    [Fact]
    public void Fallback_is_in_force_when_files_have_no_rules()
    {
        string path = _directory.Write("etc/10.ima", "# nothing\n");
        LoadedPolicy policy = Load();
        Assert.Equal(Text(BuiltInPolicies.RulesOf("exec")), Text(policy));
        Assert.Equal($"exec (built in), for no rules are in {_directory.At("etc")}: 1 file", policy.Name);
        Assert.Equal(path, Assert.Single(policy.Files).Path);
    }

    [Fact]
    public void Fallback_of_several_stands_in_the_order_of_the_kernel()
    {
        LoadedPolicy policy = PolicyEntries.Load([], ["appraise_tcb", "fail_securely", "tcb"], keys: null, []);
        Assert.Equal(
            [.. Text(BuiltInPolicies.RulesOf("tcb")), .. Text(BuiltInPolicies.RulesOf("appraise_tcb"))], Text(policy));
        Assert.True(policy.FailsSecurely);
        Assert.Equal("appraise_tcb, fail_securely, tcb (built in)", policy.Name);
    }

    [Fact]
    public void Fallback_does_not_take_back_that_signatures_fail_securely()
    {
        LoadedPolicy policy = Load("fail_securely");
        Assert.True(policy.FailsSecurely);
        Assert.Equal("exec (built in), for no rules are in fail_securely (built in)", policy.Name);
        Assert.NotEmpty(policy.Rules);
    }

    [Fact]
    public void Entries_are_read_in_their_order_and_the_standard_directories_are_not()
    {
        _ = _directory.Write("etc/10.ima", "audit uid=1\n");
        string file = _directory.Write("site", "audit uid=2\n");
        _ = _directory.Write("more/20.ima", "audit uid=4\n");
        _ = _directory.Write("more/10.ima", "audit uid=3\n");
        string more = _directory.At("more");
        LoadedPolicy policy = Load(file, "critical_data", more, "fail_securely");
        Assert.Equal(["audit uid=2", "measure func=CRITICAL_DATA", "audit uid=3", "audit uid=4"], Text(policy));
        Assert.Equal($"{file}; critical_data (built in); {more}: 2 files; fail_securely (built in)", policy.Name);
        Assert.True(policy.FailsSecurely);
        Assert.Equal(3, policy.Files.Count);
    }

    [Fact]
    public void Built_in_policies_that_follow_each_other_stand_in_the_order_of_the_kernel() =>
        Assert.Equal(
            [.. Text(BuiltInPolicies.RulesOf("secure_boot")), .. Text(BuiltInPolicies.RulesOf("appraise_tcb"))],
            Text(Load("appraise_tcb", "secure_boot")));

    [Theory]
    [InlineData("tcbb", "policy: \"tcbb\" is neither an absolute path nor a built-in policy; the nearest known one is \"tcb\"")]
    [InlineData("etc/ima/site.yaml", "policy: \"etc/ima/site.yaml\" is neither an absolute path nor")]
    [InlineData("", "policy: \"\" is neither an absolute path nor")]
    [InlineData("/dev/null\0.yaml", "policy: \"/dev/null\0.yaml\" is neither an absolute path nor")]
    [InlineData("/missing", "/missing: No such file or directory (ENOENT)")]
    [InlineData("/dev/null", "/dev/null: is not a regular file")]
    public void Entry_that_is_not_understood_is_named(string entry, string why)
    {
        PolicyException refused = Assert.Throws<PolicyException>(() => Load("tcb", entry));
        Assert.StartsWith(why, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_loaded_when_one_of_the_files_is_wrong()
    {
        _ = _directory.Write("etc/10.ima", "measure\n");
        string wrong = _directory.Write("etc/20.ima", "meazure\n");
        PolicyException refused = Assert.Throws<PolicyException>(() => Load());
        Assert.StartsWith($"{wrong}:1:1: ", refused.Message, StringComparison.Ordinal);
    }

    LoadedPolicy Load(params string[] entries) =>
        PolicyEntries.Load(entries, ["exec"], keys: null, [_directory.At("usr"), _directory.At("run"), _directory.At("etc")]);

    static string[] Text(LoadedPolicy policy) => Text(policy.Rules);

    static string[] Text(IReadOnlyList<ImaRule> rules) => [.. rules.Select(rule => rule.ToString())];
}
