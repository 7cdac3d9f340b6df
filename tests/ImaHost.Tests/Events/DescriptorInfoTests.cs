using System.Text;
using ImaHost.Events;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class DescriptorInfoTests
{
    [Theory]
    [InlineData("pos:\t0\nflags:\t0100000\nmnt_id:\t24\nino:\t3\n", "Reader", 3ul)]
    [InlineData("pos:\t9\nflags:\t02100001\nmnt_id:\t24\nino:\t18446744073709551615\n", "Writer", ulong.MaxValue)]
    [InlineData("pos:\t0\nflags:\t0100002\nmnt_id:\t24\n", "Writer", null)]
    [InlineData("flags:\t00\n", "Reader", null)]
    [InlineData("flags:\t03\n", "None", null)]
    [InlineData("flags:\t012100000\nino:\t7\n", "None", 7ul)]
    [InlineData("flags:\t037767777774\nino:\t7\n", "Reader", 7ul)]
    [InlineData("flags:\t00\nino:\t7\nflags:\t01\nino:\t8\n", "Reader", 7ul)]
    [InlineData("flags:\t00\ninotify wd:3 ino:9e7e sdev:800013\n", "Reader", null)]
    [InlineData("flags:\t00\nino:\t7", "Reader", null)]
    public void TryParse_says_who_holds_what(string text, string holder, ulong? inode)
    {
        Assert.True(DescriptorInfo.TryParse(Bytes(text), out DescriptorInfo info));
        Assert.Equal(new DescriptorInfo(Enum.Parse<Holders>(holder), inode), info);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("flags:\t0100000")]
    [InlineData("flags:\t\nino:\t3\n")]
    [InlineData("flags:\t08\nino:\t3\n")]
    [InlineData("flags:\t-1\nino:\t3\n")]
    [InlineData("flags:\t040000000000\nino:\t3\n")]
    [InlineData("flags:\t00\nino:\t18446744073709551616\n")]
    [InlineData("flags:\t00\nino:\t3x\n")]
    [InlineData("my flags:\t00\nino:\t3\n")]
    public void TryParse_refuses_what_it_cannot_read(string text) =>
        Assert.False(DescriptorInfo.TryParse(Bytes(text), out _));

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
