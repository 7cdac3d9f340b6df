using ImaHost.Appraisal;
using ImaHost.Daemon;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class WordsTests
{
    [Theory]
    [InlineData("pocily", "policy")]
    [InlineData("polic", "policy")]
    [InlineData("pcrs", "pcr")]
    [InlineData("state", "state")]
    [InlineData("appraisal", "appraise")]
    [InlineData("xstatex", "state")]
    public void Nearest_takes_the_fewest_changes(string word, string expected) =>
        Assert.Equal(expected, Words.Nearest(word, ["watch", "policy", "pcr", "state", "appraise"]));

    [Theory]
    [InlineData("bogus")]
    [InlineData("zzz")]
    [InlineData("")]
    public void Nearest_is_nothing_when_none_is_near(string word) =>
        Assert.Null(Words.Nearest(word, ["watch", "policy", "pcr", "state", "appraise"]));

    [Fact]
    public void Nearest_of_nothing_is_nothing() => Assert.Null(Words.Nearest("x", []));

    [Fact]
    public void List_names_the_choices_in_their_order()
    {
        Assert.Equal("off, log, fix or enforce", Words.List<AppraiseMode>());
        Assert.Equal("text or json", Words.List<LogFormat>());
    }

    [Theory]
    [InlineData("fix", true)]
    [InlineData("Fix", false)]
    [InlineData("2", false)]
    [InlineData("", false)]
    [InlineData("fix ", false)]
    public void TryParse_wants_the_very_word(string word, bool expected)
    {
        Assert.Equal(expected, Words.TryParse(word, out AppraiseMode mode));
        Assert.Equal(expected ? AppraiseMode.Fix : default, mode);
    }
}
