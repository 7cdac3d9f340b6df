using ImaHost.MeasurementList;
using ImaHost.Template;

namespace ImaHost.Fuzz;

/// <summary>
/// The reader of ascii lists. For any bytes: nothing but <see cref="RecordException"/> is thrown; every record that is
/// accepted is shown again as the bytes it was read from, and written as one that is read from a binary list as the
/// same; and reading in pieces changes nothing.
/// </summary>
static class AsciiTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        byte[] list = input.ToArray();
        Reading reading = Reading.Of(new AsciiReader(Pieces.Whole(list)));
        reading.RequireSame(Reading.Of(new AsciiReader(Pieces.Odd(list))));
        int end = (int)reading.Offsets[^1];
        Property.Same(list.AsSpan(0, end), reading.Text, "the lines, and what their records are shown as");
        reading.RequireEnd(list.Length);
        ReadBinary(list, reading);
    }

    /// <summary>Each record by itself: digests may be of different sizes.</summary>
    static void ReadBinary(byte[] list, Reading shown)
    {
        var text = new ByteBuilder();
        ReadOnlySpan<byte> bytes = shown.Binary;
        for (int i = 0; i < shown.Count; i++)
        {
            ReadOnlySpan<byte> line = list.AsSpan((int)shown.Offsets[i]..(int)shown.Offsets[i + 1]);
            int digestSize = line[3..].IndexOf((byte)' ') / 2;
            bool whole = MeasurementRecord.TryRead(bytes, out MeasurementRecord record, out int size, digestSize);
            Property.Holds(whole, $"what record {i} is written as is cut off");
            text.Clear();
            record.AppendAscii(text);
            Property.Same(line, text.Written, $"record {i}, and what is shown of it once it was written");
            bytes = bytes[size..];
        }

        Property.Holds(bytes.IsEmpty, $"{bytes.Length} bytes follow the records that were written");
    }
}
