using ImaHost.Appraisal;
using ImaHost.Daemon;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class WordsTests
{
    [Fact]
    public void List_names_the_choices_in_their_order()
    {
        Assert.Equal("off, log, fix or enforce", Words.List<AppraiseMode>());
        Assert.Equal("text or json", Words.List<LogFormat>());
    }

    [Fact]
    public void Phrase_is_made_of_words() => Assert.Equal("unknown key", Words.Phrase(SignatureCheck.UnknownKey));

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
