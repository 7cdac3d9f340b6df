using System.Text;
using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

public sealed class KeylimePolicyReaderTests : IDisposable
{
    const string Sha1 = "0123456789012345678901234567890123456789";

    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void Digests_are_bound_to_their_paths()
    {
        _ = _lists.Write("a.json", $$"""
            {
              "meta": {"version": 1, "generator": 3, "timestamp": "2026-11-30 09:00:00"},
              "release": 0,
              "digests": {
                "boot_aggregate": ["{{Sha1}}", "{{Hex(9)}}"],
                "/usr/bin/a": ["{{Hex(1)}}", "{{Hex(2)}}"],
                "/usr/bin/\u00e4 \"b\"": ["{{Hex(3)}}"],
                "/usr/bin/weak": ["{{Sha1}}"],
                "/usr/bin/ä": [
                  "{{Hex512(4)}}", "{{Hex(4)}}"
                ]
              },
              "excludes": ["boot_aggregate", "/tmp/.*"],
              "keyrings": {".ima": ["{{Hex(5)}}"]},
              "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1", "dm_policy": null},
              "ima-buf": {},
              "verification-keys": ""
            }
            """);
        ReferenceIndex index = _lists.Open();
        Assert.Equal(5, index.Count);
        Assert.Equal("a.json:6", Find(index, 1, "/usr/bin/a"));
        Assert.Equal("a.json:6", Find(index, 2, "/usr/bin/a"));
        Assert.Null(Find(index, 1, "/usr/bin/b"));
        Assert.Equal("a.json:7", Find(index, 3, "/usr/bin/ä \"b\""));
        Assert.Equal("a.json:10", Find(index, 4, "/usr/bin/ä"));
        Assert.Null(Find(index, 5));
        Assert.Null(Find(index, 9, "boot_aggregate"));
        Assert.Equal(
            "its excludes, keyrings and 1 sha1 digests, which are too weak, are not heeded here", index.Sources[0].Note);
    }

    [Theory]
    [InlineData("", "1:1: what is here is not JSON")]
    [InlineData("[]", "1:1: a runtime policy of Keylime, which is an object, is expected here")]
    [InlineData("{}", "1:2: no \"digests\": this is no runtime policy of Keylime")]
    [InlineData("{\"digests\": {}}", " holds no digest")]
    [InlineData("{\"digests\": []}", "1:13: an object of paths, each with a list of digests, is expected here")]
    [InlineData("{\"digests\": {\"/a\": \"H1\"}}", "1:20: a list of digests is expected here")]
    [InlineData("{\"digests\": {\"/a\": [\"H1\",\n[1]]}}", "2:1: a digest is expected here")]
    [InlineData("{\"digests\": {\"/a\": [\"00\"]}}", "1:21: a digest of 2 hex digits, which is the length of none")]
    [InlineData("{\"digests\": {\"/a\": [\"ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\"]}}", "1:21: ")]
    [InlineData("{\"digests\": {\"/a\": [\"H1\"],\n\"/a\": [\"H1\"]}}", "2:1: \"/a\" is listed twice, also in line 1")]
    [InlineData("{\"digests\": {\"/a\": [\"H1\"]}, \"digests\": {}}", "1:91: \"digests\" is given twice")]
    [InlineData("{\"digests\": {\"/a\": [\"H1\"]}} {}", "1:91: what is here is not JSON")]
    [InlineData("{\"digests\": {\"/a\": [\"H1\"]", "1:")]
    [InlineData("{\"digests\": {\"/a\": [\"H1\"],}}", "1:89: what is here is not JSON")]
    [InlineData("{\"digests\": {\"/\\ud800\": [\"H1\"]}}", "1:14: an escaped character that is none")]
    [InlineData("{\"digests\": {\"/a\0\": [\"H1\"]}}", "1:17: what is here is not JSON")]
    [InlineData("{\"meta\": {\"version\": 2}}", "1:22: a version that is not known here; 1 is")]
    [InlineData("{\"meta\": {\"version\": \"1\"}}", "1:22: a number is expected here")]
    public void Bad_policy_is_refused_with_its_place(string text, string why) =>
        Assert.StartsWith(
            why, _lists.Refusal("a.json", text.Replace("H1", Hex(1), StringComparison.Ordinal)), StringComparison.Ordinal);

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        string deep = "{\"a\": " + new string('[', 1 << 20);
        Assert.StartsWith("1:70: what is here is not JSON", _lists.Refusal("a.json", deep), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_longer_than_any_path_is_refused()
    {
        Assert.Equal(
            "1:14: a path longer than 4096 bytes",
            _lists.Refusal("a.json", $"{{\"digests\": {{\"/{new string('a', 5000)}\": [\"{Hex(1)}\"]}}}}"));
        Assert.EndsWith(
            "a text longer than 65536 bytes", _lists.Refusal("a.json", $"{{\"a\": \"{new string('a', 1 << 20)}\"}}"), StringComparison.Ordinal);
    }

    [Fact]
    public void Path_with_bytes_that_are_not_UTF8_stands_for_itself()
    {
        _ = _lists.Write("a.json", [.. "{\"digests\": {\"/a"u8, 0xff, .. Encoding.ASCII.GetBytes($"\": [\"{Hex(1)}\"]}}}}")]);
        ReferenceIndex index = _lists.Open();
        Assert.True(index.TryFind(DigestOf(1), [(byte)'/', (byte)'a', 0xff], Vouching.Reference, Now, out _));
        Assert.Null(Find(index, 1, "/a"));
    }

    [Fact]
    public void Policy_of_many_buffers_keeps_count_of_its_lines()
    {
        const int paths = 5000;
        string digests = string.Join(",\n", Enumerable.Range(1, paths).Select(i => $"  \"/a/{i}\": [\"{Hex(i)}\"]"));
        _ = _lists.Write("a.json", $"{{\n\"digests\": {{\n{digests}\n}}\n}}\n");
        ReferenceIndex index = _lists.Open();
        for (int i = 1; i <= paths; i++)
        {
            Assert.Equal($"a.json:{i + 2}", Find(index, i, $"/a/{i}"));
        }
    }
}
