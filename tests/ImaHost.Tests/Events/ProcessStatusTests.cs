using System.Text;
using ImaHost.Events;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class ProcessStatusTests
{
    const string Text = "Name:\tsleep\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t4294967295\nGroups:\t1 2 \nCapEff:\t000001fffeffffff\n";

    [Fact]
    public void TryReadIds_takes_the_real_the_effective_and_the_saved()
    {
        var status = new ProcessStatus(Encoding.UTF8.GetBytes(Text));
        Assert.True(status.TryReadIds("\nUid:"u8, out (uint, uint, uint) ids));
        Assert.Equal((1u, 2u, 3u), ids);
        Assert.True(status.TryReadIds("\nGid:"u8, out ids));
        Assert.Equal((5u, 6u, 7u), ids);
        Assert.True(status.TryReadCapabilities(out ulong effective));
        Assert.Equal(0x1fffeffffffUL, effective);
        Assert.Equal("sleep", Encoding.UTF8.GetString(status.Name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Name:")]
    [InlineData("Name:\t")]
    [InlineData("Name:\tsleep")]
    [InlineData("Name:\t\\nUid:\t0\t0\t0\n")]
    [InlineData("Name:\tsleep\nUid:\t1\t2\t3\t4")]
    [InlineData("Name:\tsleep\nUid:\t1\t2\nCapEff:\n")]
    [InlineData("Name:\tsleep\nUid:\t1\tx\t3\t4\nCapEff:\t12 34\n")]
    [InlineData("Name:\tsleep\nUid:\t1\t4294967296\t3\t4\nCapEff:\t10000000000000000\n")]
    public void TryReadIds_refuses_what_is_not_there_or_is_cut_off(string text)
    {
        var status = new ProcessStatus(Encoding.UTF8.GetBytes(text));
        Assert.False(status.TryReadIds("\nUid:"u8, out _));
        Assert.False(status.TryReadCapabilities(out _));
    }

    [Fact]
    public void Name_is_empty_without_one() => Assert.True(new ProcessStatus("Uid:\t1\nName:\tx\n"u8).Name.IsEmpty);
}
