using System.Text;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class LineReaderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("one\ntwo\n\nend", "one|two|")]
    [InlineData("1234567\n12345678\n12345678\nnext\n", "1234567|12345678|12345678|next")]
    [InlineData("123456789\nnext\n", "12345678|next")]
    [InlineData("12345678 and far more than fits\nnext\n12345678 again", "12345678|next|12345678")]
    public void TryRead_gives_each_line_or_its_head(string text, string lines)
    {
        using var directory = new TemporaryDirectory();
        using HeldFile file = HeldFile.Open(directory.Write("lines", text));
        var reader = new LineReader(file, new byte[8]);
        var read = new List<string>();
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            read.Add(Encoding.UTF8.GetString(line));
        }

        Assert.Equal(lines, string.Join('|', read));
        Assert.Equal(0, reader.Error);
    }
}
