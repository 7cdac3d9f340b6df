using System.Text;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

public sealed class SumsReaderTests : IDisposable
{
    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Theory]
    [InlineData("{0}  /usr/bin/a\n")]
    [InlineData("{0} */usr/bin/a\n")]
    [InlineData("{0}  /usr/bin/a")]
    [InlineData("{0}  /usr/bin/a\r\n")]
    [InlineData("{0}  a name  with blanks\n")]
    [InlineData("{0}  -\n")]
    [InlineData("\\{0}  /a\\\\b\\nc\\r\n")]
    [InlineData("SHA256 (/usr/bin/a) = {0}\n")]
    [InlineData("\\SHA256 (/usr/\\nbin) = {0}\n")]
    [InlineData("SHA256 (a) = b) = {0}\n")]
    [InlineData("SHA2-256(/usr/bin/a)= {0}\n")]
    public void Line_that_the_tools_write_is_read(string line)
    {
        _ = _lists.Write("a.sha256", string.Format(null, CompositeFormat.Parse(line), Hex(1)));
        ReferenceIndex index = _lists.Open();
        Assert.Equal("a.sha256:1", Find(index, 1));
        Assert.Null(Find(index, 2));
    }

    [Fact]
    public void What_the_tools_write_of_odd_names_is_read()
    {
        using var files = new TemporaryDirectory();
        string[] names = ["plain", "two words", "new\nline", "back\\slash", "re\rturn", "umlaut-ä", "(a) = b"];
        foreach (string name in names)
        {
            _ = files.Write(name, name);
        }

        foreach (string options in (string[])["", "--tag", "--binary"])
        {
            Child.Run("/bin/sh", ["-c", $"cd '{files.Root}' && sha256sum {options} ./* > '{_lists.Lists}/a.sha256' && sha512sum {options} ./* > '{_lists.Lists}/b.sums'"]);
            ReferenceIndex index = _lists.Open();
            Assert.Equal(2 * names.Length, index.Count);
            foreach (string name in names)
            {
                var digest = new Digest(HashAlgorithm.Sha256, System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(name)));
                Assert.StartsWith("a.sha256:", Find(index, in digest, "/a", Vouching.Reference), StringComparison.Ordinal);
                Assert.Equal(2, index.FindPath(Encoding.UTF8.GetBytes("/" + name)).Count);
            }
        }
    }

    [Fact]
    public void Name_that_is_not_UTF8_is_read()
    {
        _ = _lists.Write("a.sha256", [.. Encoding.ASCII.GetBytes($"{Hex(1)}  /a"), 0xff, 0xc3, .. Encoding.ASCII.GetBytes($"\n{Hex(2)}  /b\n")]);
        ReferenceIndex index = _lists.Open();
        Assert.Equal("a.sha256:1", Find(index, 1));
        Assert.Single(index.FindPath([(byte)'/', (byte)'a', 0xff, 0xc3]));
    }

    [Fact]
    public void Lines_count_with_comments_and_empty_ones()
    {
        _ = _lists.Write("a.sha256", $"# a comment\n\n{Hex(1)}  /a\r\n\n#\n{Hex(2)}  /b\n");
        ReferenceIndex index = _lists.Open();
        Assert.Equal("a.sha256:3", Find(index, 1));
        Assert.Equal("a.sha256:6", Find(index, 2));
    }

    [Fact]
    public void Algorithm_is_told_by_the_length_or_the_tag()
    {
        _ = _lists.Write("a.sums", $"{Hex512(1)}  /a\n{Hex(1)}  /a\nSM3 (/a) = {Hex(2)}\nSHA3-256 (/a) = {Hex(3)}\n");
        ReferenceIndex index = _lists.Open();
        Assert.Equal("a.sums:2", Find(index, 1));
        Assert.Null(Find(index, 2));
        Assert.Equal("a.sums:3", Find(index, new Digest(HashAlgorithm.Sm3, DigestOf(2).Bytes), "/a", Vouching.Reference));
        Assert.Equal("a.sums:4", Find(index, new Digest(HashAlgorithm.Sha3x256, DigestOf(3).Bytes), "/a", Vouching.Reference));
        Assert.Equal("a.sums:1", Find(index, new Digest(HashAlgorithm.Sha512, Convert.FromHexString(Hex512(1))), "/a", Vouching.Reference));
    }

    [Theory]
    [InlineData("", " holds no digest")]
    [InlineData("# nothing\n\n# at all\n", " holds no digest")]
    [InlineData("garbage\n", "1: \"DIGEST  NAME\" or \"ALGORITHM (NAME) = DIGEST\" is expected, as sha256sum writes it")]
    [InlineData("\\\n", "1: \"DIGEST  NAME\" or")]
    [InlineData("{0}\n", "1: \"DIGEST  NAME\" or")]
    [InlineData("{0}  \n", "1: \"DIGEST  NAME\" or")]
    [InlineData("{0} /a\n", "1: \"DIGEST  NAME\" or")]
    [InlineData("{0}  /a\n{0}0  /b\n", "2: a digest of 65 hex digits, which is the length of none")]
    [InlineData("0123  /a\n", "1: a digest of 4 hex digits, which is the length of none")]
    [InlineData("0123456789012345678901234567890123456789  /a\n", "1: sha1 is too weak to vouch for a file; list it with sha256")]
    [InlineData("01234567890123456789012345678901  /a\n", "1: md5 is too weak")]
    [InlineData("SHA1 (/a) = 00\n", "1: sha1 is too weak")]
    [InlineData("MD4 (/a) = 00\n", "1: \"MD4\" is no algorithm that is known here; known are sha256,")]
    [InlineData("SHA256 (/a) = 00\n", "1: \"00\" is no digest of sha256")]
    [InlineData("SHA256 (/a) = {0}x\n", "1: ")]
    [InlineData("SHA512 (/a) = {0}\n", "1: a digest of sha512, where the list's name speaks of sha256")]
    [InlineData("\\{0}  /a\\x\n", "1: in an escaped name \"\\\" stands before")]
    [InlineData("\\{0}  /a\\", "1: in an escaped name \"\\\" stands before")]
    [InlineData("{0}  /a\0b\n", "1:69: a NUL byte")]
    [InlineData("{0}  /a\n{1}  /b\n{1}  /a\n", "3: \"/a\" is listed twice, with another digest in line 1")]
    [InlineData("{0}  /a\n{0}  ./a\n", "2: \"./a\" is listed twice, also in line 1")]
    public void Bad_list_is_refused_with_its_place_and_nothing_of_it_is_taken(string text, string why)
    {
        _ = _lists.Write("0.sha256", $"{Hex(100)}  /0\n");
        text = text.Replace("{0}", Hex(1), StringComparison.Ordinal).Replace("{1}", Hex(2), StringComparison.Ordinal);
        string refusal = _lists.Refusal("a.sha256", text);
        Assert.StartsWith(why, refusal, StringComparison.Ordinal);
        ReferenceIndex index = _lists.Open(out _);
        Assert.Equal(1, index.Count);
        Assert.Equal("0.sha256:1", Find(index, 100));
        Assert.Null(Find(index, 1));
    }

    [Fact]
    public void Line_of_a_megabyte_is_refused() =>
        Assert.Equal(
            "2: a line longer than 16384 bytes",
            _lists.Refusal("a.sha256", $"{Hex(1)}  /a\n{Hex(2)}  /{new string('b', 1 << 20)}\n"));

    [Fact]
    public void Path_that_no_kernel_has_is_refused() =>
        Assert.Equal(
            "1: a path longer than 4096 bytes", _lists.Refusal("a.sha256", $"{Hex(1)}  /{new string('b', 4096)}\n"));

    [Fact]
    public void List_with_more_lines_than_the_limit_is_not_read_further()
    {
        _lists.Limit = 3;
        Assert.Equal(
            " has more than 3 lines; the rest was not read",
            _lists.Refusal("a.sha256", $"{Hex(1)}  /a\n#\n#\n{Hex(2)}  /b\nwhat follows is not even looked at"));
    }

    [Fact]
    public void Ten_million_lines_are_refused_without_being_held_in_memory()
    {
        using (var file = new StreamWriter(Path.Combine(_lists.Lists, "a.sums")))
        {
            for (int i = 0; i < 10_000_000; i++)
            {
                file.Write("#\n");
            }
        }

        _lists.Limit = ReferenceLists.DefaultLimit;
        long before = GC.GetAllocatedBytesForCurrentThread(); // other tests run beside this one
        _ = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.EndsWith("has more than 4000000 lines; the rest was not read", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }
}
