using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>What both readers have in common, in whichever form the list is.</summary>
public sealed class RecordReaderTests
{
    const int Mutations = 10_000;

    public static TheoryData<bool> Forms => [false, true];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Reader_gives_every_template(bool ascii) =>
        Assert.Equal(ListSample.Binary, Records.Binary(Open(Sample(ascii), ascii)));

    [Theory]
    [MemberData(nameof(Forms))]
    public void Reader_of_nothing_has_no_record_and_no_rest(bool ascii)
    {
        RecordReader reader = Open([], ascii);
        Assert.False(reader.Next(out _));
        Assert.False(reader.Next(out _));
        Assert.Equal(0, reader.Rest);
        Assert.Equal(0, reader.Number);
        Assert.Equal(0, reader.Offset);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Reader_says_at_every_record_which_it_is_and_where_it_begins(bool ascii)
    {
        List<int> ends = Ends(ascii);
        RecordReader reader = Open(Sample(ascii), ascii);
        for (int number = 0; number < ListSample.Records.Count; number++)
        {
            Assert.True(reader.Next(out _));
            Assert.Equal(number, reader.Number);
            Assert.Equal(number == 0 ? 0 : ends[number - 1], reader.Offset);
        }

        Assert.False(reader.Next(out _));
        Assert.Equal(ListSample.Records.Count, reader.Number);
        Assert.Equal(ends[^1], reader.Offset);
    }

    /// <summary>An ascii record that lacks no more than its newline may lack more: it is not whole either.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Reader_gives_the_whole_records_of_a_list_cut_off_at_any_byte(bool ascii)
    {
        byte[] whole = Sample(ascii);
        List<int> ends = Ends(ascii);
        for (int length = 0; length < whole.Length; length++)
        {
            RecordReader reader = Open(whole[..length], ascii);
            while (reader.Next(out _))
            {
            }

            int records = ends.Count(end => end <= length);
            int taken = records == 0 ? 0 : ends[records - 1];
            Assert.Equal(records, reader.Number);
            Assert.Equal(taken, reader.Offset);
            Assert.Equal(length - taken, reader.Rest);
        }
    }

    /// <summary>Whatever it is, it is read or refused with a message.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Reader_of_a_damaged_list_gives_records_or_says_what_is_wrong_and_where(bool ascii)
    {
        byte[] whole = Sample(ascii);
        var random = new Random(6);
        int refused = 0;
        for (int round = 0; round < Mutations; round++)
        {
            RecordReader reader = Open(Mutate(whole, random), ascii);
            if (Record.Exception(() => ReadAll(reader)) is { } error)
            {
                refused++;
                Assert.StartsWith(
                    $"entry {reader.Number} at offset {reader.Offset}: ",
                    Assert.IsType<RecordException>(error).Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, Mutations / 20, Mutations - 100);
    }

    /// <summary>Also what those do with a record who look into it.</summary>
    [Theory]
    [MemberData(nameof(Forms))]
    public void Records_of_a_damaged_list_are_shown_or_refused(bool ascii)
    {
        byte[] whole = Sample(ascii);
        var random = new Random(7);
        byte[] scratch = new byte[TemplateDescriptor.HashedSize];
        int shown = 0;
        int refused = 0;
        for (int round = 0; round < Mutations; round++)
        {
            RecordReader reader = Open(Mutate(whole, random), ascii);
            Exception? error = Record.Exception(() =>
            {
                while (reader.Next(out MeasurementRecord record))
                {
                    _ = record.HashedData(scratch);
                    _ = record.ReadName();
                    _ = SegmentReplay.IsHostStart(in record);
                    record.AppendAscii(new ByteBuilder());
                    shown++;
                }
            });
            refused += error == null ? 0 : 1;
            Assert.True(error is null or RecordException, $"{error}");
        }

        Assert.InRange(refused, Mutations / 20, Mutations - 100);
        Assert.True(shown > Mutations);
    }

    static void ReadAll(RecordReader reader)
    {
        while (reader.Next(out _))
        {
        }
    }

    static byte[] Sample(bool ascii) => ascii ? ListSample.Ascii : ListSample.Binary;

    static RecordReader Open(byte[] list, bool ascii) =>
        ascii ? new AsciiReader(KernelVector.Source(list)) : new LogReader(KernelVector.Source(list));

    /// <summary>Where the records end.</summary>
    static List<int> Ends(bool ascii)
    {
        var ends = new List<int>();
        foreach (byte[] record in ListSample.Records)
        {
            int length = ascii ? Records.Ascii(new LogReader(KernelVector.Source(record))).Length : record.Length;
            ends.Add(length + (ends.Count > 0 ? ends[^1] : 0));
        }

        return ends;
    }

    /// <summary>One to three bytes become others, or go, or a piece appears twice.</summary>
    static byte[] Mutate(byte[] list, Random random)
    {
        var bytes = new List<byte>(list);
        for (int times = random.Next(1, 4); times > 0; times--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 60), bytes.Count - at)));
                    break;
            }
        }

        return [.. bytes];
    }
}
