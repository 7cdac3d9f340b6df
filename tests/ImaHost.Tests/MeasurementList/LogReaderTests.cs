using System.Buffers.Binary;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class LogReaderTests
{
    /// <summary>The place of a length in the second record, the length, and what is said of it.</summary>
    public static TheoryData<int, uint, string> Impossible => new()
    {
        { 24, 0, "a template name of 0 bytes" },
        { 24, 256, "a template name of 256 bytes" },
        { 24, uint.MaxValue, "a template name of 4294967295 bytes" },
        { 35, (1u << 24) + 1, "template data of 16777217 bytes" },
        { 35, 0x7fffffff, "template data of 2147483647 bytes" },
        { 35, uint.MaxValue, "template data of 4294967295 bytes" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Next_refuses_a_length_that_cannot_be_and_says_where(int at, uint length, string message)
    {
        byte[] first = Entry.Number(1).Record();
        byte[] second = Entry.Number(2).Record();
        BinaryPrimitives.WriteUInt32LittleEndian(second.AsSpan(at), length);
        var reader = new LogReader(KernelVector.Source([.. first, .. second]));
        Assert.True(reader.Next(out _));
        RecordException refused = Assert.Throws<RecordException>(() => reader.Next(out _));
        Assert.Equal($"entry 1 at offset {first.Length}: {message}", refused.Message);
        Assert.Equal(message, refused.Reason);
    }

    [Fact]
    public void Next_refuses_a_name_of_template_ima_that_cannot_be()
    {
        byte[] list = [10, 0, 0, 0, .. new byte[20], 3, 0, 0, 0, .. "ima"u8, .. new byte[20], 1, 0, 0, 1];
        var reader = new LogReader(KernelVector.Source(list));
        RecordException refused = Assert.Throws<RecordException>(() => reader.Next(out _));
        Assert.Equal("entry 0 at offset 0: template data of 16777217 bytes", refused.Message);
    }

    [Theory]
    [InlineData(35, 1 << 24)]
    [InlineData(24, 255)]
    public void Next_waits_for_the_rest_of_the_longest_record_there_can_be(int at, int length)
    {
        byte[] list = Entry.Number(1).Record();
        BinaryPrimitives.WriteInt32LittleEndian(list.AsSpan(at), length);
        var reader = new LogReader(KernelVector.Source(list));
        Assert.False(reader.Next(out _));
        Assert.Equal(list.Length, reader.Rest);
    }

    [Fact]
    public void Next_gives_the_longest_record_there_can_be()
    {
        byte[] data = new byte[1 << 24];
        data[^1] = 7;
        byte[] list =
            [10, 0, 0, 0, .. new byte[20], 7, 0, 0, 0, .. "ima-buf"u8, .. BitConverter.GetBytes(data.Length), .. data];
        var reader = new LogReader(KernelVector.Source(list));
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.True(record.Data.SequenceEqual(data));
        Assert.False(reader.Next(out _));
        Assert.Equal(0, reader.Rest);
    }

    [Fact]
    public void Next_passes_over_a_template_that_is_not_known()
    {
        byte[] unknown = [11, 0, 0, 0, .. new byte[20], 2, 0, 0, 0, .. "xy"u8, 1, 0, 0, 0, 9];
        var reader = new LogReader(KernelVector.Source([.. unknown, .. Entry.Number(1).Record()]));
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.Equal(11, record.Pcr);
        Assert.Equal("xy"u8, record.TemplateName);
        Assert.True(reader.Next(out record));
        Assert.Equal("ima-sig"u8, record.TemplateName);
    }

    [Fact]
    public void Next_goes_on_when_the_list_has_grown()
    {
        byte[] whole = ListSample.Binary;
        int length = 1;
        var reader = new LogReader((buffer, offset) => KernelVector.Source(whole[..length])(buffer, offset));
        var read = new ByteBuilder();
        for (; length <= whole.Length; length++)
        {
            while (reader.Next(out MeasurementRecord record))
            {
                record.AppendBinary(read);
            }
        }

        Assert.Equal(whole, read.Written);
    }

    [Fact]
    public void Seek_goes_on_from_the_record_that_begins_there()
    {
        byte[] first = Entry.Number(1).Record();
        byte[] second = Entry.Number(2).Record();
        var reader = new LogReader(KernelVector.Source([.. first, .. second]));
        while (reader.Next(out _))
        {
        }

        reader.Seek(first.Length, 1);
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.Equal(Entry.Number(2).Data(), record.Data);
        Assert.Equal(1, reader.Number);
        Assert.Equal(first.Length, reader.Offset);
    }
}
