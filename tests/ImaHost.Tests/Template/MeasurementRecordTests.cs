using System.Buffers.Binary;
using System.Text;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class MeasurementRecordTests
{
    static readonly uint[] HostileLengths =
        [0, 1, 3, 255, 256, 0xffff, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, int.MaxValue, 0x80000000, uint.MaxValue];

    [Theory]
    [InlineData(0, 0, "a template name of 0 bytes, the most is 255")]
    [InlineData(1, 0, null)]
    [InlineData(255, 1 << 24, null)]
    [InlineData(256, 0, "a template name of 256 bytes, the most is 255")]
    [InlineData(7, (1 << 24) + 1, "template data of 16777217 bytes, the most is 16777216")]
    public void WhyUnreadable_says_what_a_reader_would_refuse(int name, int data, string? why) =>
        Assert.Equal(why, MeasurementRecord.WhyUnreadable(new byte[name], new byte[data]));

    [Fact]
    public void TryRead_wants_more_bytes_at_every_truncation()
    {
        byte[] record = Entry.Number(5).Record();
        for (int length = 0; length < record.Length; length++)
        {
            Assert.False(MeasurementRecord.TryRead(record.AsSpan(0, length), out _, out int size));
            Assert.Equal(0, size);
        }

        Assert.True(MeasurementRecord.TryRead(record, out _, out int whole));
        Assert.Equal(record.Length, whole);
    }

    /// <summary>Asked of each of a million entries, an object each fills the heap of a host that starts.</summary>
    [Fact]
    public void ReadName_makes_no_object()
    {
        byte[] bytes = Entry.Number(5).Record();
        _ = MeasurementRecord.TryRead(bytes, out MeasurementRecord record, out _);
        _ = record.ReadName();
        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadOnlySpan<byte> name = record.ReadName();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(Entry.Number(5).Name, Encoding.UTF8.GetString(name));
    }

    [Fact]
    public void TryRead_takes_the_first_record_of_several()
    {
        byte[] first = Entry.Number(1).Record();
        Assert.True(MeasurementRecord.TryRead([.. first, .. Entry.Number(2).Record()], out MeasurementRecord record, out int size));
        Assert.Equal(first.Length, size);
        Assert.Equal(10, record.Pcr);
        Assert.Equal("ima-sig"u8, record.TemplateName);
        Assert.Equal(Entry.Number(1).Data(), record.Data);
        Assert.False(record.IsViolation);
    }

    [Theory]
    [InlineData(24, 0u, "a template name of 0 bytes")]
    [InlineData(24, 256u, "a template name of 256 bytes")]
    [InlineData(24, uint.MaxValue, "a template name of 4294967295 bytes")]
    [InlineData(35, (1u << 24) + 1, "template data of 16777217 bytes")]
    [InlineData(35, 0x80000000, "template data of 2147483648 bytes")]
    public void TryRead_names_the_length_that_cannot_be(int at, uint length, string message)
    {
        byte[] record = Entry.Number(1).Record();
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(at), length);
        RecordException refused = Assert.Throws<RecordException>(() => MeasurementRecord.TryRead(record, out _, out _));
        Assert.Equal(message, refused.Message);
    }

    [Fact]
    public void Reader_names_the_offset_of_the_record_that_is_none()
    {
        byte[] good = Entry.Number(1).Record();
        byte[] bad = Entry.Number(2).Record();
        bad[24] = bad[25] = 0xff;
        var reader = new LogReader(KernelVector.Source([.. good, .. bad]));
        Assert.True(reader.Next(out _));
        RecordException refused = Assert.Throws<RecordException>(() => reader.Next(out _));
        Assert.StartsWith($"entry 1 at offset {good.Length}: ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AppendAscii_refuses_a_template_it_does_not_know()
    {
        RecordException refused = Assert.Throws<RecordException>(
            () => new MeasurementRecord { TemplateName = "ima-bu"u8, TemplateDigest = new byte[20] }.AppendAscii(new()));
        Assert.Equal("unknown template \"ima-bu\"", refused.Message);
    }

    [Fact]
    public void AppendAscii_refuses_a_field_that_does_not_fit()
    {
        byte[] data = Entry.Number(1).Data();
        data[0]++;
        data[3] = 1;
        RecordException refused = Assert.Throws<RecordException>(() => Show("ima-sig"u8, data));
        Assert.Equal($"d-ng of 16777257 bytes does not fit in the {data.Length - 4} that are left", refused.Message);
        refused = Assert.Throws<RecordException>(() => Show("ima-sig"u8, data.AsSpan(0, 3).ToArray()));
        Assert.Equal("the template data end before the length of d-ng", refused.Message);
    }

    [Theory]
    [InlineData(9, " 9 ")]
    [InlineData(10, "10 ")]
    [InlineData(23, "23 ")]
    public void AppendAscii_gives_the_PCR_two_places(int pcr, string start)
    {
        var line = new ByteBuilder();
        MeasurementRecord.TryRead((Entry.Number(1) with { Pcr = pcr }).Record(), out MeasurementRecord record, out _);
        record.AppendAscii(line);
        Assert.StartsWith(start, Encoding.UTF8.GetString(line.Written), StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_records_are_refused_with_a_message_and_nothing_else()
    {
        var random = new Random(2);
        int refused = 0;
        for (int round = 0; round < 50_000; round++)
        {
            byte[] record = Entry.Number(round % 97).Record();
            Damage(record, random);
            refused += IsRefused(record) ? 1 : 0;
        }

        Assert.InRange(refused, 5_000, 49_000);
    }

    [Fact]
    public void Random_bytes_are_refused_with_a_message_and_nothing_else()
    {
        var random = new Random(3);
        for (int round = 0; round < 50_000; round++)
        {
            byte[] bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            _ = IsRefused(bytes);
        }
    }

    static void Show(ReadOnlySpan<byte> template, byte[] data) => new MeasurementRecord
    {
        TemplateName = template,
        TemplateDigest = new byte[20],
        Data = data,
    }.AppendAscii(new ByteBuilder());

    static void Damage(byte[] record, Random random)
    {
        int[] lengths = [24, 35, 39, 83];
        if (random.Next(2) == 0)
        {
            uint length = HostileLengths[random.Next(HostileLengths.Length)];
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(lengths[random.Next(lengths.Length)]), length);
        }
        else
        {
            record[random.Next(record.Length)] = (byte)random.Next(256);
        }
    }

    static bool IsRefused(byte[] bytes)
    {
        try
        {
            if (MeasurementRecord.TryRead(bytes, out MeasurementRecord record, out int size))
            {
                Assert.InRange(size, 32, bytes.Length);
                record.AppendAscii(new ByteBuilder());
            }

            return false;
        }
        catch (RecordException e)
        {
            Assert.NotEmpty(e.Message);
            return true;
        }
    }
}
