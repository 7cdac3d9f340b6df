using System.Text;
using ImaHost.Template;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class ByteBuilderTests
{
    [Fact]
    public void Builder_grows_as_needed_and_keeps_what_it_had()
    {
        var builder = new ByteBuilder(capacity: 1);
        var expected = new List<byte>();
        for (int i = 0; i < 1000; i++)
        {
            byte[] part = [.. Enumerable.Repeat((byte)i, i % 13)];
            builder.Append(part);
            expected.AddRange(part);
        }

        Assert.Equal(expected.ToArray(), builder.Written);
        builder.Clear();
        Assert.Equal(0, builder.Length);
    }

    [Theory]
    [InlineData(7, 2, " 7")]
    [InlineData(123, 2, "123")]
    [InlineData(0, 0, "0")]
    [InlineData(-5, 4, "  -5")]
    [InlineData(long.MinValue, 0, "-9223372036854775808")]
    public void AppendDecimal_pads_as_printf_does(long value, int width, string expected)
    {
        var builder = new ByteBuilder(1);
        builder.AppendDecimal(value, width);
        Assert.Equal(expected, Encoding.ASCII.GetString(builder.Written));
    }

    [Fact]
    public void PatchLength_counts_what_came_after_the_mark_also_when_nested()
    {
        var builder = new ByteBuilder(2);
        int outer = builder.ReserveLength();
        int inner = builder.ReserveLength();
        builder.Append("abc"u8);
        builder.PatchLength(inner);
        builder.PatchLength(outer);
        byte[] expected = [7, 0, 0, 0, 3, 0, 0, 0, .. "abc"u8];
        Assert.Equal(expected, builder.Written);
    }
}
