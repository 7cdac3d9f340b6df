using ImaHost.Measurement;
using Xunit;

namespace ImaHost.Tests.Measurement;

public sealed class ElfHeaderTests
{
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)] // ET_REL
    [InlineData(2, true)] // ET_EXEC
    [InlineData(3, true)] // ET_DYN
    [InlineData(4, false)] // ET_CORE
    [InlineData(0x100, true)]
    [InlineData(0xfe00, true)]
    public void File_may_be_mapped_unless_it_is_an_object_or_a_core_dump(int type, bool expected)
    {
        Assert.Equal(expected, ElfHeader.MayBeMapped(Header(1, type & 0xff, type >> 8)));
        Assert.Equal(expected, ElfHeader.MayBeMapped(Header(2, type >> 8, type & 0xff)));
    }

    [Fact]
    public void File_may_be_mapped_when_it_ends_before_it_says_what_it_is()
    {
        byte[] relocatable = Header(1, 1, 0);
        for (int length = 4; length < ElfHeader.Size; length++)
        {
            Assert.True(ElfHeader.MayBeMapped(relocatable.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("7f")]
    [InlineData("7f454c")]
    [InlineData("7f454c47")]
    [InlineData("2321202f62696e2f73680a000000000000000000")]
    public void File_that_does_not_begin_as_ELF_does_may_not(string start) =>
        Assert.False(ElfHeader.MayBeMapped(Convert.FromHexString(start)));

    [Fact]
    public void This_process_was_mapped()
    {
        byte[] start = new byte[ElfHeader.Size];
        using FileStream program = File.OpenRead("/proc/self/exe");
        program.ReadExactly(start);
        Assert.True(ElfHeader.MayBeMapped(start));
    }

    static byte[] Header(int order, int first, int second) =>
        [0x7f, .. "ELF"u8, 2, (byte)order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)first, (byte)second];
}
