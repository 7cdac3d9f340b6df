using System.Security.Cryptography;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Learning;
using ImaHost.Tests.Support;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Learning;

public sealed class DraftTests : IDisposable
{
    static readonly Learned Some = new(
        [File("/usr/bin/a b"), File("/usr/bin/new\nline"), File("/usr/lib/x/[y]"), File("/usr/bin/below/z")],
        [new LeftOut(LeftOutReason.Changed, DigestOf("/srv/back\\slash"), PathOf("/srv/back\\slash"))],
        ["3 entries of what is no file"]);

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(nameof(DraftKind.Sums), ".sha256")]
    [InlineData(nameof(DraftKind.Yaml), ".yaml")]
    public void Draft_reads_back_as_it_was_written(string kind, string ending)
    {
        Draft draft = Read(Write(Enum.Parse<DraftKind>(kind), Some));

        Assert.Equal((kind, ending, "list, today"), (draft.Kind.ToString(), draft.Ending, draft.Source));
        Assert.Equal(
            Some.Taken.Select(file => $"{file.Path} {file.Digest}"),
            draft.Entries.Select(entry => $"{entry.Path} {entry.Digest}"));
        Assert.Equal(
            Some.LeftOut.Select(one => $"{one.Path} {one.Digest} {one.Reason}"),
            draft.LeftOut.Select(one => $"{one.Path} {one.Digest} {one.Reason}"));
        Assert.Equal(Some.Notes, draft.Notes);
    }

    [Fact]
    public void Policy_is_about_the_topmost_directories_and_only_logs()
    {
        Draft draft = Read(Write(DraftKind.Policy, Some));

        Assert.Equal(
            [
                "appraise func=BPRM_CHECK imahost.path=/usr/bin/** imahost.by=reference imahost.mode=log",
                "appraise func=MMAP_CHECK imahost.path=/usr/bin/** imahost.by=reference imahost.mode=log",
                "appraise func=BPRM_CHECK imahost.path=/usr/lib/x/** imahost.by=reference imahost.mode=log",
                "appraise func=MMAP_CHECK imahost.path=/usr/lib/x/** imahost.by=reference imahost.mode=log",
            ],
            draft.Rules.Select(rule => rule.ToString()));
    }

    [Fact]
    public void Draft_of_nothing_is_one()
    {
        var nothing = new Learned([], [], []);

        Assert.All(
            Enum.GetValues<DraftKind>(), kind => Assert.Empty(Read(Write(kind, nothing)).Entries));
    }

    [Fact]
    public void Line_that_was_left_out_is_taken_in_by_an_editor()
    {
        string text = Write(DraftKind.Sums, Some)
            .Replace($"# left out ({LeftOutReason.Changed}): ", "", StringComparison.Ordinal);

        Draft draft = Read(text);

        Assert.Empty(draft.LeftOut);
        Assert.Equal("/srv/back\\slash", Encoding.UTF8.GetString(draft.Entries[^1].Path!.Value.Bytes));
    }

    [Fact]
    public void What_is_put_in_force_has_nothing_that_was_left_out()
    {
        string stripped = Encoding.UTF8.GetString(DraftText.Strip(Encoding.UTF8.GetBytes(Write(DraftKind.Sums, Some))));

        Assert.DoesNotContain("left out", stripped, StringComparison.Ordinal);
        Assert.DoesNotContain(DraftText.Title, stripped, StringComparison.Ordinal);
        Assert.Equal(Some.Taken.Count, stripped.Split('\n').Count(line => line.Length > 0 && line[0] != '#'));
        Assert.EndsWith("\n", stripped, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("# imahost draft 1\n# as: sha256\nnonsense\n", ":3: no line of sha256sum")]
    [InlineData("# imahost draft 1\n# as: sha256\nHEX  /a\nHEX  /a\n", ":4: \"/a\" is here a second time")]
    [InlineData("# imahost draft 1\n# as: sha256\n# left out (gone): /a\n", ":3: what was left out is not understood")]
    [InlineData("# imahost draft 1\n# as: yaml sha256\nversion: 1\n", ": has no \"digests:\"")]
    [InlineData("# imahost draft 1\n# as: yaml sha256\ndigests:\n  - {sha256: 00}\n", ":4: is not {sha256: DIGEST")]
    [InlineData("# imahost draft 1\n# as: yaml sha256\ndigests:\n  - {sha256: HEX, path: \"[\"}\n", ":4: \"[\" has a \"[\"")]
    [InlineData("# imahost draft 1\n# as: yaml sha256\ndigests: [\n", ":4: ")]
    [InlineData("# imahost draft 1\n# as: runes sha256\n", ": \"runes\" is no kind of draft")]
    [InlineData("HEX  /a\n", ": does not begin as a draft does")]
    [InlineData("", ": does not begin as a draft does")]
    public void Draft_that_is_damaged_is_refused_with_place_and_reason(string text, string reason)
    {
        string draft = text.Replace("HEX", new string('0', 64), StringComparison.Ordinal);

        Assert.Contains(
            _directory.At("draft") + reason, Assert.Throws<DraftException>(() => Read(draft)).Message, StringComparison.Ordinal);
    }

    static LearnedFile File(string path) => new(PathOf(path), DigestOf(path));

    static BytePath PathOf(string path) => new(Encoding.UTF8.GetBytes(path));

    static Digest DigestOf(string path) => new(HashAlgorithm.Sha256, SHA256.HashData(Encoding.UTF8.GetBytes(path)));

    static string Write(DraftKind kind, Learned learned) =>
        Encoding.UTF8.GetString(DraftText.Write(kind, HashAlgorithm.Sha256, "list, today", learned));

    Draft Read(string text) => DraftReader.Read(_directory.Write("draft", text));
}
