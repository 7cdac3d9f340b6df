using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using ImaHost.Policy;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class PathGlobTests
{
    static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("/usr/bin/x", "/usr/bin/x", true)]
    [InlineData("/usr/bin/x", "/usr/bin/xy", false)]
    [InlineData("/usr/bin/x", "/usr/bin/", false)]
    [InlineData("/usr/bin/x", "", false)]
    [InlineData("/usr/bin/*", "/usr/bin/x", true)]
    [InlineData("/usr/bin/*", "/usr/bin/", true)]
    [InlineData("/usr/bin/*", "/usr/bin", false)]
    [InlineData("/usr/bin/*", "/usr/bin/x/y", false)]
    [InlineData("/usr/*/x", "/usr/bin/x", true)]
    [InlineData("/usr/*/x", "/usr//x", true)]
    [InlineData("/usr/*/x", "/usr/a/b/x", false)]
    [InlineData("/a*b*c", "/abbc", true)]
    [InlineData("/a*b*c", "/ab/c", false)]
    [InlineData("/usr/**", "/usr/bin/x", true)]
    [InlineData("/usr/**", "/usr/", true)]
    [InlineData("/usr/**", "/usr", false)]
    [InlineData("/usr/**/x", "/usr/x", true)]
    [InlineData("/usr/**/x", "/usr/a/x", true)]
    [InlineData("/usr/**/x", "/usr/a/b/c/x", true)]
    [InlineData("/usr/**/x", "/usr/ax", false)]
    [InlineData("/usr/**/x", "/usrx", false)]
    [InlineData("**/x", "/x", true)]
    [InlineData("**/x", "/a/b/x", true)]
    [InlineData("**/x", "x", true)]
    [InlineData("**/x", "/a/bx", false)]
    [InlineData("**x", "/a/bx", true)]
    [InlineData("**.so", "/a/b.so", true)]
    [InlineData("**/*.so", "/a/b.so", true)]
    [InlineData("**/*.so", "/a/b.so.1", false)]
    [InlineData("**/a/**/b", "/x/a/y/z/b", true)]
    [InlineData("**/a/**/b", "/a/b", true)]
    [InlineData("**/a/**/b", "/b/a", false)]
    [InlineData("**/**/x", "x", true)]
    [InlineData("/**/**/x", "/a/x", true)]
    [InlineData("**/a/*/b", "/a/a/x/b", true)]
    [InlineData("/a**/b", "/ax/y/b", true)]
    [InlineData("/a**/b", "/ab", false)]
    [InlineData("*", "/", false)]
    [InlineData("*", "", true)]
    [InlineData("**", "/any/thing", true)]
    [InlineData("/?", "/a", true)]
    [InlineData("/?", "/", false)]
    [InlineData("/?", "//", false)]
    [InlineData("/??", "/é", true)]
    [InlineData("/é", "/é", true)]
    [InlineData("/[a-c]x", "/bx", true)]
    [InlineData("/[a-c]x", "/dx", false)]
    [InlineData("/[!a-c]x", "/dx", true)]
    [InlineData("/[^a-c]x", "/bx", false)]
    [InlineData("/[!a]x", "//x", false)]
    [InlineData("/[.-0]x", "//x", false)]
    [InlineData("/[]a]", "/]", true)]
    [InlineData("/[]a]", "/a", true)]
    [InlineData("/[!]a]", "/]", false)]
    [InlineData("/[!]a]", "/b", true)]
    [InlineData("/[!]a]", "/xa]", false)]
    [InlineData("/[\\]a]", "/]", true)]
    [InlineData("/[\\]a]", "/\\", false)]
    [InlineData("/[\\a-c]", "/b", true)]
    [InlineData("/[a-]", "/-", true)]
    [InlineData("/[-a]", "/-", true)]
    [InlineData("/[a-]", "/b", false)]
    [InlineData("/[!-]", "/-", false)]
    [InlineData("/[z-a]", "/m", false)]
    [InlineData("/[[]", "/[", true)]
    [InlineData("/\\*", "/*", true)]
    [InlineData("/\\*", "/a", false)]
    [InlineData("/\\[a", "/[a", true)]
    [InlineData("/a\\\\b", "/a\\b", true)]
    [InlineData("/a\\", "/a\\", true)]
    [InlineData("***", "/a/b", true)]
    [InlineData("/***/x", "/a/b/x", true)]
    public void Matches_as_gitignore_would(string pattern, string path, bool expected)
    {
        Assert.Equal(expected, Matches(pattern, path));
        Assert.Equal(expected, Reference(pattern).IsMatch(Latin(path)));
    }

    [Theory]
    [InlineData("/[a")]
    [InlineData("/[")]
    [InlineData("/[]")]
    [InlineData("/[!]")]
    [InlineData("/[a\\]")]
    public void Parse_refuses_a_set_without_an_end_and_names_the_pattern(string pattern)
    {
        FormatException refused = Assert.Throws<FormatException>(() => PathGlob.Parse(pattern));
        Assert.Equal($"\"{pattern}\" has a \"[\" without \"]\"", refused.Message);
    }

    [Theory]
    [InlineData("/usr/bin/x", "/usr/bin/x", true)]
    [InlineData("/usr/bin/*", "/usr/bin/", false)]
    [InlineData("/usr/b*", "/usr/", false)]
    [InlineData("/usr/**/x", "/usr/", false)]
    [InlineData("/\\*/x*", "/*/", false)]
    [InlineData("*x", "", false)]
    [InlineData("**/x", "", false)]
    public void Prefix_is_what_every_match_begins_with(string pattern, string prefix, bool exact)
    {
        PathGlob glob = PathGlob.Parse(pattern);
        Assert.Equal(prefix, Encoding.UTF8.GetString(glob.Prefix.Span));
        Assert.Equal(exact, glob.IsExact);
    }

    [Fact]
    public void Matches_what_a_slow_translation_to_a_regex_does()
    {
        var random = new Random(11);
        string[] pieces =
            ["a", "a", "b", "/", "/", "*", "*", "**", "**/", "/**/", "?", "[ab]", "[!a]", "[a-z]", "[]/]", "\\a", "\\*", "é", "ab", "/a"];
        string[] letters = ["a", "a", "b", "/", "*", "é", "]", "x"];
        int matched = 0;
        for (int round = 0; round < 6000; round++)
        {
            string pattern = Draw(random, pieces, 9);
            Regex reference = Reference(pattern);
            PathGlob glob = PathGlob.Parse(pattern);
            for (int i = 0; i < 12; i++)
            {
                string path = Draw(random, letters, 11);
                bool matches = glob.Matches(Encoding.UTF8.GetBytes(path));
                Assert.True(matches == reference.IsMatch(Latin(path)), $"{pattern} {path}: {matches}");
                Assert.True(!matches || Encoding.UTF8.GetBytes(path).AsSpan().StartsWith(glob.Prefix.Span), $"{pattern} {path}");
                matched += matches ? 1 : 0;
            }
        }

        Assert.True(matched > 2000, $"only {matched} matches");
    }

    /// <summary>A pattern, and of what a path of 4096 bytes is made.</summary>
    public static TheoryData<string, string> Pathological => new()
    {
        { "*a*a*a*a*b", "a" },
        { "/*a*a*a*a*b", "/aaaaaaa" },
        { "**a*a*a*a*b", "a" },
        { "**a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/" },
        { "**a*" + new string('a', 1000) + "b", "a" },
        { "**a*" + new string('a', 100) + "b", new string('a', 254) + "/" },
        { string.Concat(Enumerable.Repeat("**/", 500)) + "b", "/a" },
        { "/" + string.Concat(Enumerable.Repeat("**/a", 500)) + "b", "/a" },
        { string.Concat(Enumerable.Repeat("**a", 500)) + "b", "a" },
        { string.Concat(Enumerable.Repeat("*/", 1000)) + "b", "/" },
        { string.Concat(Enumerable.Repeat("*?", 1000)) + "b", "a" },
        { string.Concat(Enumerable.Repeat("**?", 1000)) + "b", "a/" },
        { "**" + new string('a', 2000) + "b", "a" },
        { "**/a*/**/a*/**/a*b", "/aaaa" },
    };

    [Theory]
    [MemberData(nameof(Pathological))]
    public void Matches_takes_no_more_than_the_product_of_pattern_and_path(string pattern, string one)
    {
        PathGlob glob = PathGlob.Parse(pattern);
        byte[] path = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(one, (4096 / one.Length) + 1)))[..4096];
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < 10; i++)
        {
            Assert.False(glob.Matches(path));
        }

        Assert.True(watch.Elapsed < LongEnough, $"{watch.Elapsed / 10} each");
    }

    static bool Matches(string pattern, string path) => PathGlob.Parse(pattern).Matches(Encoding.UTF8.GetBytes(path));

    static string Draw(Random random, string[] pieces, int most) =>
        string.Concat(random.GetItems(pieces, random.Next(1, most)));

    /// <summary>One character for each byte.</summary>
    static string Latin(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>What the pattern means, written in another way.</summary>
    static Regex Reference(string pattern)
    {
        var text = new StringBuilder("\\A(?:");
        string bytes = Latin(pattern);
        for (int i = 0; i < bytes.Length; i++)
        {
            bool deep = bytes[i] == '*' && i + 1 < bytes.Length && bytes[i + 1] == '*';
            bool first = i == 0 || bytes[i - 1] == '/';
            if (deep && first && i + 2 < bytes.Length && bytes[i + 2] == '/')
            {
                _ = text.Append("(?:[^/]*/)*");
                i += 2;
            }
            else if (deep)
            {
                _ = text.Append("[\\s\\S]*");
                i++;
            }
            else
            {
                i = Append(text, bytes, i);
            }
        }

        return new Regex(text.Append(")\\z").ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }

    static int Append(StringBuilder text, string bytes, int i)
    {
        switch (bytes[i])
        {
            case '*':
                _ = text.Append("[^/]*");
                return i;
            case '?':
                _ = text.Append("[^/]");
                return i;
            case '[':
                return AppendSet(text, bytes, i);
            case '\\' when i + 1 < bytes.Length:
                _ = text.Append(Regex.Escape(bytes[i + 1].ToString()));
                return i + 1;
            default:
                _ = text.Append(Regex.Escape(bytes[i].ToString()));
                return i;
        }
    }

    static int AppendSet(StringBuilder text, string bytes, int i)
    {
        bool negated = bytes[i + 1] is '!' or '^';
        int at = negated ? i + 2 : i + 1;
        var members = new HashSet<char>();
        for (int first = at; bytes[at] != ']' || at == first; at++)
        {
            at += bytes[at] == '\\' ? 1 : 0;
            char low = bytes[at];
            bool range = bytes[at + 1] == '-' && bytes[at + 2] != ']';
            at += range ? 2 : 0;
            for (int one = low; one <= bytes[at]; one++)
            {
                _ = members.Add((char)one);
            }
        }

        IEnumerable<char> taken = Enumerable.Range(0, 256).Select(one => (char)one)
            .Where(one => members.Contains(one) != negated && one != '/');
        string[] escaped = [.. taken.Select(one => $"\\u{(int)one:x4}")];
        _ = text.Append(escaped.Length == 0 ? "[^\\s\\S]" : $"[{string.Concat(escaped)}]");
        return at;
    }
}
