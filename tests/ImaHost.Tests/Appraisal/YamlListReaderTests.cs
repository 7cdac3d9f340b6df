using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

public sealed class YamlListReaderTests : IDisposable
{
    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void Digest_is_bound_to_its_path_or_pattern()
    {
        _ = _lists.Write("a.yaml", $"""
            version: 1
            digests:
              - sha256: {Hex(1)}
              - {"{"}sha256: {Hex(2)}, path: /opt/a{"}"}
              - path: /opt/**/*.so
                sha256: {Hex(3).ToUpperInvariant()}
              - sha512: {Hex512(4)}
                sha256: {Hex(4)}
                path: /opt/d

            """);
        ReferenceIndex index = _lists.Open();
        Assert.Equal("a.yaml:3", Find(index, 1, "/anywhere"));
        Assert.Equal("a.yaml:4", Find(index, 2, "/opt/a"));
        Assert.Null(Find(index, 2, "/opt/b"));
        Assert.Null(Find(index, 2, ""));
        Assert.Equal("a.yaml:6", Find(index, 3, "/opt/b/c/d.so"));
        Assert.Null(Find(index, 3, "/opt/b/c/d"));
        Assert.Equal("a.yaml:8", Find(index, 4, "/opt/d"));
        Assert.Equal("a.yaml:7", Find(index, new Digest(HashAlgorithm.Sha512, Convert.FromHexString(Hex512(4))), "/opt/d", Vouching.Reference));
    }

    [Fact]
    public void List_as_a_whole_is_bound_to_paths()
    {
        _ = _lists.Write("a.yaml", $"digests: [{{sha256: {Hex(1)}}}, {{sha256: {Hex(2)}, path: /c}}]\npaths: [/a/**, /b/*]\nversion: 1\n");
        ReferenceIndex index = _lists.Open();
        Assert.NotNull(Find(index, 1, "/a/x/y"));
        Assert.NotNull(Find(index, 1, "/b/x"));
        Assert.Null(Find(index, 1, "/b/x/y"));
        Assert.Null(Find(index, 2, "/c"));
    }

    [Fact]
    public void Verity_digest_vouches_for_no_content()
    {
        _ = _lists.Write("a.yaml", $"version: 1\ndigests: [{{verity: 'sha256:{Hex(1)}'}}, {{verity: sha512:{Hex512(2)}}}]\n");
        ReferenceIndex index = _lists.Open();
        Assert.Null(Find(index, 1));
        Assert.Equal("a.yaml:2", Find(index, 1, kinds: Vouching.Verity));
        Assert.Null(Find(index, 2, kinds: Vouching.Verity));
    }

    [Theory]
    [InlineData("2030-03-17", "2030-03-17T23:59:59Z")]
    [InlineData("2030-03-17T12:00:00Z", "2030-03-17T12:00:00Z")]
    [InlineData("2030-03-17 12:00:00+02:00", "2030-03-17T10:00:00Z")]
    public void List_ends_with_its_date(string date, string last)
    {
        _ = _lists.Write("a.yaml", $"version: 1\nexpires: {date}\ndigests: [{{sha256: {Hex(1)}}}]\n");
        ReferenceIndex index = _lists.Open();
        long end = DateTimeOffset.Parse(last, null).ToUnixTimeSeconds();
        Assert.NotNull(Find(index, 1, now: end));
        Assert.Null(Find(index, 1, now: end + 1));
    }

    [Fact]
    public void List_whose_time_is_over_is_told_of()
    {
        string path = _lists.Write("a.yaml", $"version: 1\nexpires: 2020-02-29\ndigests: [{{sha256: {Hex(1)}}}]\n");
        Assert.Null(Find(_lists.Open(out IReadOnlyList<string> warnings), 1));
        Assert.Equal([$"{path}: expired on 2020-02-29 23:59:59Z"], warnings);
    }

    [Theory]
    [InlineData("", " an empty file; a list of reference digests begins with \"version: 1\"")]
    [InlineData("# nothing\n", " an empty file")]
    [InlineData("version: 1\n", " holds no digest")]
    [InlineData("version: 1\ndigests: []\n", " holds no digest")]
    [InlineData("digests: [{sha256: H1}]\n", "1:1: no \"version: 1\"")]
    [InlineData("version: 2\n", "1:10: version \"2\" is not known here; 1 is")]
    [InlineData("version: 1\ndigest: []\n", "2:1: unknown key \"digest\"; the nearest known one is \"digests\"")]
    [InlineData("version: 1\nversion: 1\n", "2:1: \"version\" is given twice")]
    [InlineData("version: 1\ndigests: [{sha255: H1}]\n", "2:12: unknown key \"sha255\"; the nearest known one is \"sha256\"")]
    [InlineData("version: 1\ndigests: [{sha1: 00}]\n", "2:12: unknown key \"sha1\"")]
    [InlineData("version: 1\ndigests: [{sha256: 00}]\n", "2:20: \"00\" is no digest of sha256, which has 64 hex digits")]
    [InlineData("version: 1\ndigests: [{path: /a}]\n", "2:11: a digest is missing here")]
    [InlineData("version: 1\ndigests: [{sha256: H1, path: a}]\n", "2:92: a path begins with \"/\"")]
    [InlineData("version: 1\ndigests: [{sha256: H1, path: '/['}]\n", "2:92: \"/[\" has a \"[\" without \"]\"")]
    [InlineData("version: 1\ndigests: [{verity: H1}]\n", "2:20: ALGORITHM:DIGEST is expected here")]
    [InlineData("version: 1\ndigests: [{verity: 'md5:00'}]\n", "2:20: ALGORITHM:DIGEST is expected here")]
    [InlineData("version: 1\npaths: []\ndigests: [{sha256: H1}]\n", "1:1: \"paths\" without a path")]
    [InlineData("version: 1\nexpires: tomorrow\n", "2:10: a date is expected here: 2027-12-31, or")]
    [InlineData("version: 1\nexpires: 2027-12-31T12:00:00\n", "2:10: a date is expected here")]
    [InlineData("version: 1\ndigests: [{sha256: H1, path: /a},\n {sha256: H2, path: /a}]\n", "3:11: \"/a\" is listed twice, with another digest in line 2")]
    [InlineData("version: 1\ndigests: [{sha256: H1, path: /a},\n {sha256: H1, path: '/\\a'}]\n", "3:11: \"/a\" is listed twice, also in line 2")]
    [InlineData("version: 1\ndigests: &a [*a]\n", "2:10: anchors (&) and aliases (*) are not taken")]
    [InlineData("version: 1\ndigests: [*a]\n", "2:11: anchors (&) and aliases (*) are not taken")]
    [InlineData("version: 1\ndigests: !!seq []\n", "2:10: tags (!) are not taken")]
    [InlineData("version: 1\n---\nversion: 1\n", "2:1: no second document is expected here")]
    [InlineData("version: \"1\0\"\n", "1:")]
    [InlineData("version: 1\ndigests: [{sha256: H1\n", "")]
    [InlineData("[[[[", "1:1: a mapping with the keys version and digests is expected here")]
    public void Bad_list_is_refused_with_its_place(string text, string why)
    {
        text = text.Replace("H1", Hex(1), StringComparison.Ordinal).Replace("H2", Hex(2), StringComparison.Ordinal);
        Assert.StartsWith(why, _lists.Refusal("a.yaml", text), StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_without_end_and_references_to_references_are_refused_at_once()
    {
        Assert.StartsWith("2:11: ", _lists.Refusal("a.yaml", "version: 1\ndigests: " + new string('[', 1 << 20)), StringComparison.Ordinal);
        string bomb = "version: 1\na: &a [x]\n" + string.Concat(Enumerable.Range(1, 9).Select(
            i => $"{(char)('a' + i)}: &{(char)('a' + i)} [*{(char)('a' + i - 1)}, *{(char)('a' + i - 1)}]\n"));
        Assert.StartsWith("2:1: unknown key \"a\"", _lists.Refusal("a.yaml", bomb), StringComparison.Ordinal);
    }

    [Fact]
    public void More_digests_than_the_limit_are_refused()
    {
        _lists.Limit = 2;
        string digests = string.Concat(Enumerable.Range(1, 3).Select(i => $"- sha256: {Hex(i)}\n"));
        Assert.Equal(" has more than 2 digests; the rest was not read", _lists.Refusal("a.yaml", $"version: 1\ndigests:\n{digests}"));
    }
}
