using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Learning;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Learning;

public sealed class SumsLineTests
{
    public static TheoryData<string> Names => ["plain", "a b", "new\nline", "back\\slash", "return\r", "ünï", "-c", "\\n"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Line_is_what_sha256sum_checks_and_reads_back(string name)
    {
        using var directory = new TemporaryDirectory();
        var path = new BytePath(Encoding.UTF8.GetBytes(directory.Write(name, name)));
        var digest = new Digest(HashAlgorithm.Sha256, SHA256.HashData(Encoding.UTF8.GetBytes(name)));
        var line = new ByteBuilder();
        SumsLine.Append(in digest, path, line);

        string list = directory.At("list");
        File.WriteAllBytes(list, [.. line.Written, (byte)'\n']);
        using Process check = Process.Start("/usr/bin/sha256sum", ["--strict", "--quiet", "-c", list]);
        check.WaitForExit();

        Assert.Equal(0, check.ExitCode);
        Assert.True(SumsLine.TryRead(line.Written, HashAlgorithm.Sha256, out Digest read, out BytePath readPath, out _));
        Assert.Equal(path, readPath);
        Assert.Equal(digest.ToString(), read.ToString());
    }

    [Fact]
    public void Path_that_is_no_text_is_kept()
    {
        var path = new BytePath([.. "/srv/"u8, 0xff, 0xfe]);
        var line = new ByteBuilder();
        SumsLine.Append(Digest.Zero(HashAlgorithm.Sha256), path, line);

        Assert.True(SumsLine.TryRead(line.Written, HashAlgorithm.Sha256, out _, out BytePath read, out _));
        Assert.Equal(path, read);
    }

    [Theory]
    [InlineData("", "no line of sha256sum")]
    [InlineData("00  /x", "no line of sha256sum")]
    [InlineData("ZZ", "no line of sha256sum")]
    [InlineData("HEX x", "no line of sha256sum")]
    [InlineData("HEX  relative", "no absolute path: \"relative\"")]
    public void Line_that_is_none_is_refused_with_its_reason(string text, string reason)
    {
        string line = text.Replace("HEX", new string('0', 64), StringComparison.Ordinal);

        Assert.False(SumsLine.TryRead(Encoding.UTF8.GetBytes(line), HashAlgorithm.Sha256, out _, out _, out string why));
        Assert.StartsWith(reason, why, StringComparison.Ordinal);
    }
}
