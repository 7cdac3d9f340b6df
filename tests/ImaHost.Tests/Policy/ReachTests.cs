using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>Whether a verdict can be kept, where many rules ask for something of few files each.</summary>
public sealed class ReachTests
{
    const string Owners = "appraise fowner>999 fgroup=7\n";

    [Theory]
    [InlineData("", 5, false)]
    [InlineData("", 500, true)]
    [InlineData("dont_appraise fgroup=3\n", 5, true)]
    [InlineData("appraise uid=9\n", 500, false)]
    public void Rules_about_other_files_do_not_matter(string before, uint owner, bool holds)
    {
        string rules = string.Concat(Enumerable.Range(0, 100).Select(one => $"appraise fowner={one} uid={one + 1000}\n"));
        ImaPolicy policy = Policies.Read($"{before}{Owners}measure\n{rules}");
        var access = new SampleAccess { Owner = owner, Group = 3 };
        Assert.Equal(holds, access.Ask(policy).HoldsForAll);
    }

    [Theory]
    [InlineData("measure\nmeasure pcr=11\n", false)]
    [InlineData("measure\nmeasure pcr=11 fowner=9\n", true)]
    [InlineData("measure\ndont_measure fowner=1\nmeasure pcr=11\n", true)]
    [InlineData("measure\ndont_measure fowner=1 uid=5\nmeasure pcr=11\n", false)]
    public void What_is_done_already_hides_nothing_that_another_rule_asks_for(string rules, bool holds) =>
        Assert.Equal(holds, new SampleAccess { Owner = 1 }.Ask(Policies.Read(rules)).HoldsForAll);
}
