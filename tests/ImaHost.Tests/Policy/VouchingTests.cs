using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

/// <summary>The extensions that say who may vouch, for how many machines, and with what consequence.</summary>
public sealed class VouchingTests
{
    [Theory]
    [InlineData("appraise imahost.by=ima-sig", "ima-sig")]
    [InlineData("appraise imahost.by=package|reference", "reference package")]
    [InlineData("appraise imahost.by=ima-sig|ima-hash|verity|reference|package", "ima-sig ima-hash verity reference package")]
    public void Rule_names_who_may_vouch(string rule, string names)
    {
        ImaRule read = Policies.Rule(rule);

        Assert.Equal(names.Split(' '), Vouchings.NamesOf(read.By));
        Assert.Equal(read.By, Policies.Rule(read.ToString()).By);
    }

    [Fact]
    public void Rule_without_by_leaves_it_to_the_label() => Assert.Equal(Vouching.None, Policies.Rule("appraise").By);

    [Theory]
    [InlineData("appraise imahost.by=dpkg", "\"dpkg\" is not known")]
    [InlineData("measure imahost.by=package", "\"by\" belongs to the action appraise")]
    [InlineData("dont_appraise imahost.mode=log", "\"mode\" belongs to the action appraise")]
    [InlineData("appraise imahost.mode=enforce", "\"enforce\" is not known")]
    [InlineData("appraise imahost.by=ima-sig appraise_type=imasig", "\"by\" and \"appraise_type\" exclude each other")]
    [InlineData("appraise digest_type=verity appraise_type=sigv3 imahost.by=verity", "exclude each other")]
    [InlineData("appraise imahost.rollout=101", "0 to 100 percent")]
    [InlineData("appraise imahost.rollout=many", "0 to 100 percent")]
    public void Rule_that_says_it_wrongly_is_refused(string rule, string why) =>
        Assert.Contains(why, Assert.Throws<PolicyException>(() => Policies.Rule(rule)).Message, StringComparison.Ordinal);

    [Fact]
    public void Rules_that_let_others_vouch_do_not_the_same()
    {
        ImaRule one = Policies.Rule("appraise imahost.by=package");

        Assert.True(one.DoesSame(Policies.Rule("appraise func=BPRM_CHECK imahost.by=package")));
        Assert.False(one.DoesSame(Policies.Rule("appraise imahost.by=package|reference")));
        Assert.False(one.DoesSame(Policies.Rule("appraise")));
        Assert.False(one.DoesSame(Policies.Rule("appraise imahost.by=package imahost.mode=log")));
    }

    [Fact]
    public void Rollout_takes_in_about_its_share_of_machines_and_none_leaves_as_it_grows()
    {
        const int machines = 10_000;
        string[] ids = [.. Enumerable.Range(0, machines).Select(number => $"{number:x32}")];

        foreach (int percent in (int[])[0, 1, 25, 50, 99, 100])
        {
            int among = ids.Count(id => RolloutCondition.IsAmong(id, percent));
            Assert.InRange(among, (machines * percent / 100) - 200, (machines * percent / 100) + 200);
            Assert.All(
                ids.Where(id => RolloutCondition.IsAmong(id, percent)),
                id => Assert.True(RolloutCondition.IsAmong(id, Math.Min(percent + 10, 100))));
        }
    }

    [Fact]
    public void Machine_without_an_id_belongs_to_a_rollout_for_all_alone()
    {
        Assert.False(RolloutCondition.IsAmong(null, 99));
        Assert.True(RolloutCondition.IsAmong(null, 100));
    }
}
