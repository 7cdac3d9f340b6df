using System.Text;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class AsciiReaderTests
{
    static readonly string Zeros = new('0', 40);
    static readonly string Good = $"10 {Zeros} ima-ng sha1:{Zeros} /a\n";

    [Theory]
    [InlineData(" 9 ", 40, true)]
    [InlineData("10 ", 40, true)]
    [InlineData("10 ", 64, true)]
    [InlineData("10 ", 96, true)]
    [InlineData("10 ", 128, true)]
    [InlineData("10 ", 39, false)]
    [InlineData("10 ", 42, false)]
    [InlineData("00 ", 40, false)]
    [InlineData("9  ", 40, false)]
    [InlineData("1a ", 40, false)]
    [InlineData("10\t", 40, false)]
    [InlineData("100", 40, false)]
    public void IsHeader_knows_a_PCR_and_a_digest(string pcr, int digits, bool expected) =>
        Assert.Equal(expected, AsciiReader.IsHeader(Encoding.ASCII.GetBytes($"{pcr}{new string('a', digits)} ima-ng")));

    [Theory]
    [InlineData("")]
    [InlineData("10 ")]
    [InlineData("10 0000000000000000000000000000000000000000")]
    [InlineData("10 000000000000000000000000000000000000000G ima")]
    [InlineData("10 000000000000000000000000000000000000000A ima")]
    public void IsHeader_wants_both_whole(string text) =>
        Assert.False(AsciiReader.IsHeader(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Next_refuses_a_list_that_does_not_begin_as_a_record_does()
    {
        RecordException refused = Assert.Throws<RecordException>(() => ReadAll("# no list\n"));
        Assert.Equal(
            "entry 0 at offset 0: \"# no list\" does not begin with a PCR and a template digest", refused.Message);
    }

    [Fact]
    public void Next_takes_a_line_that_does_not_begin_as_a_record_does_for_more_of_the_name()
    {
        AsciiReader reader = Open($"{Good}\n10\n{Zeros}_10\n{Good}");
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.Equal($"/a\n\n10\n{Zeros}_10", Encoding.ASCII.GetString(record.ReadName()));
        Assert.True(reader.Next(out record));
        Assert.Equal("/a"u8, record.ReadName());
        Assert.False(reader.Next(out _));
    }

    [Theory]
    [InlineData("ima-nix md5:00 /a", "unknown template \"ima-nix\"")]
    [InlineData("", "unknown template \"\"")]
    [InlineData("ima-ng md5:00", "the field n-ng of ima-ng is missing")]
    [InlineData("ima-ng md5:00 /a b", "\" b\" follows the last field of ima-ng")]
    [InlineData("ima-ng", "the field d-ng of ima-ng is missing")]
    public void Next_says_which_record_is_none_and_where_it_begins(string record, string message)
    {
        string list = $"{Good}{Good}10 {Zeros} {record}\n{Good}";
        RecordException refused = Assert.Throws<RecordException>(() => ReadAll(list));
        Assert.Equal($"entry 2 at offset {2 * Good.Length}: {message}", refused.Message);
        Assert.Equal(message, refused.Reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("10 00")]
    public void Next_leaves_what_follows_the_last_newline(string tail)
    {
        AsciiReader reader = Open(Good + Good + tail);
        Assert.True(reader.Next(out _));
        Assert.True(reader.Next(out _));
        Assert.False(reader.Next(out _));
        Assert.Equal(tail.Length, reader.Rest);
        Assert.Equal(2, reader.Number);
        Assert.Equal(2 * Good.Length, reader.Offset);
    }

    [Fact]
    public void Next_takes_no_record_that_has_no_newline()
    {
        AsciiReader reader = Open(Good + Good[..^1]);
        Assert.True(reader.Next(out _));
        Assert.False(reader.Next(out _));
        Assert.Equal(Good.Length - 1, reader.Rest);
    }

    [Fact]
    public void Next_gives_records_longer_than_its_first_buffer()
    {
        string line = $"10 {Zeros} ima-buf sha1:{Zeros} big {new string('7', 1 << 20)}\n";
        AsciiReader reader = Open(line + Good + line);
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.Equal(4 + 26 + 4 + 4 + 4 + (1 << 19), record.Data.Length);
        Assert.True(reader.Next(out _));
        Assert.True(reader.Next(out record));
        Assert.Equal("big"u8, record.ReadName());
        Assert.False(reader.Next(out _));
        Assert.Equal(0, reader.Rest);
    }

    [Fact]
    public void Next_does_not_read_a_record_without_end_into_memory()
    {
        byte[] head = Encoding.ASCII.GetBytes(Good[..^1]);
        var reader = new AsciiReader((buffer, offset) =>
        {
            buffer.Fill((byte)'n');
            head.AsSpan((int)Math.Min(offset, head.Length)).CopyTo(buffer);
            return buffer.Length;
        });
        RecordException refused = Assert.Throws<RecordException>(() => reader.Next(out _));
        Assert.Equal("entry 0 at offset 0: no record is longer than 67108864 bytes", refused.Message);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(64)]
    [InlineData(96)]
    [InlineData(128)]
    public void Next_takes_digests_of_every_size(int digits)
    {
        AsciiReader reader = Open($" 9 {new string('7', digits)} ima-ng sha1:{Zeros} /a\n");
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.Equal(9, record.Pcr);
        Assert.Equal(Enumerable.Repeat((byte)0x77, digits / 2).ToArray(), record.TemplateDigest);
    }

    static AsciiReader Open(string text) => new(KernelVector.Source(Encoding.ASCII.GetBytes(text)));

    static void ReadAll(string text)
    {
        AsciiReader reader = Open(text);
        while (reader.Next(out _))
        {
        }
    }
}
