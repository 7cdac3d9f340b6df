using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class SpellingTests
{
    [Theory]
    [InlineData("pocily", "policy")]
    [InlineData("polic", "policy")]
    [InlineData("pcrs", "pcr")]
    [InlineData("state", "state")]
    [InlineData("appraisal", "appraise")]
    [InlineData("xstatex", "state")]
    public void Nearest_takes_the_fewest_changes(string word, string expected) =>
        Assert.Equal(expected, Spelling.Nearest(word, ["watch", "policy", "pcr", "state", "appraise"]));

    [Theory]
    [InlineData("bogus")]
    [InlineData("zzz")]
    [InlineData("")]
    public void Nearest_is_nothing_when_none_is_near(string word) =>
        Assert.Null(Spelling.Nearest(word, ["watch", "policy", "pcr", "state", "appraise"]));

    [Fact]
    public void Nearest_of_nothing_is_nothing() => Assert.Null(Spelling.Nearest("x", []));

    [Fact]
    public void Nearest_does_not_mind_the_case() => Assert.Equal("BPRM_CHECK", Spelling.Nearest("bprm_check", ImaHooks.Names));

    [Fact]
    public void Nearest_is_nothing_for_a_word_that_is_no_slip_of_the_pen() =>
        Assert.Null(Spelling.Nearest(new string('x', 1 << 20), ["policy"]));

    [Fact]
    public void Hint_names_the_nearest_word_or_all_of_them()
    {
        Assert.Equal("the nearest known one is \"policy\"", Spelling.Hint("pollicy", ["watch", "policy"]));
        Assert.Equal("known are watch, policy", Spelling.Hint("xyz", ["watch", "policy"]));
    }
}
