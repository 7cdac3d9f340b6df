using System.Text;
using ImaHost.Events;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class MapsLineTests
{
    [Theory]
    [InlineData("562f919c2000-562f919c4000 r--p 00000000 fe:0a 247270                     /usr/bin/cat",
        "Reader", 0xfe, 0x0a, 247270ul, "/usr/bin/cat")]
    [InlineData("1000-2000 rw-s 00000000 103:fffff 18446744073709551615 /a  b (deleted)",
        "Writer", 0x103, 0xfffff, ulong.MaxValue, "/a  b (deleted)")]
    [InlineData("1000-2000 -w-s 00000000 00:1c 7 /a", "Writer", 0, 0x1c, 7ul, "/a")]
    [InlineData("1000-2000 r--s 00000000 00:1c 7 /a", "Reader", 0, 0x1c, 7ul, "/a")]
    [InlineData("1000-2000 rw-p 00000000 00:1c 7 /a", "Reader", 0, 0x1c, 7ul, "/a")]
    [InlineData("1000-2000 rw-p 00000000 00:00 0 ", "Reader", 0, 0, 0ul, "")]
    [InlineData("1000-2000 rw-p 00000000 00:00 0", "Reader", 0, 0, 0ul, "")]
    public void TryParse_says_who_holds_what(string line, string holder, int major, int minor, ulong inode, string path)
    {
        Assert.True(MapsLine.TryParse(Bytes(line), out MapsLine mapping));
        Assert.Equal(Enum.Parse<Holders>(holder), mapping.Holder);
        Assert.Equal((uint)major, mapping.DeviceMajor);
        Assert.Equal((uint)minor, mapping.DeviceMinor);
        Assert.Equal(inode, mapping.Inode);
        Assert.Equal(Bytes(path), mapping.Path);
    }

    [Theory]
    [InlineData("00400000-0040a000 r-xp 00000000 fe:0a 7 /a", true, 0x400000ul, 0x40a000ul)]
    [InlineData("7f2c19a00000-ffffffffff601000 --xp 00000000 fe:0a 7 /a", true, 0x7f2c19a00000ul, 0xffffffffff601000ul)]
    [InlineData("1000-2000 rw-p 00000000 fe:0a 7 /a", false, 0x1000ul, 0x2000ul)]
    public void TryParse_says_where_code_lies(string line, bool isExecutable, ulong start, ulong end)
    {
        Assert.True(MapsLine.TryParse(Bytes(line), out MapsLine mapping));
        Assert.Equal(isExecutable, mapping.IsExecutable);
        Assert.True(mapping.TryReadRange(out (ulong Start, ulong End) range));
        Assert.Equal((start, end), range);
    }

    [Theory]
    [InlineData("1000 r-xp 00000000 fe:0a 7 /a")]
    [InlineData("1000-x r-xp 00000000 fe:0a 7 /a")]
    public void TryReadRange_refuses_what_is_none(string line)
    {
        Assert.True(MapsLine.TryParse(Bytes(line), out MapsLine mapping));
        Assert.False(mapping.TryReadRange(out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("1000-2000 rw- 00000000 00:1c 7 /a")]
    [InlineData("1000-2000 rw-p 00000000 001c 7 /a")]
    [InlineData("1000-2000 rw-p 00000000 00:1g 7 /a")]
    [InlineData("1000-2000 rw-p 00000000 00:100000000 7 /a")]
    [InlineData("1000-2000 rw-p 00000000 00:1c 7x /a")]
    [InlineData("1000-2000 rw-p 00000000 00:1c 18446744073709551616 /a")]
    public void TryParse_refuses_what_it_cannot_read(string line) =>
        Assert.False(MapsLine.TryParse(Bytes(line), out _));

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
