using ImaHost.Template;

namespace ImaHost.Tests.Support;

/// <summary>Whole lists, written again from the records that a reader finds in them.</summary>
static class Records
{
    public static byte[] Binary(RecordReader reader) =>
        Write(reader, static (in MeasurementRecord record, ByteBuilder into) => record.AppendBinary(into));

    public static byte[] Ascii(RecordReader reader) =>
        Write(reader, static (in MeasurementRecord record, ByteBuilder into) => record.AppendAscii(into));

    /// <summary>Each record of a binary list.</summary>
    public static List<byte[]> Split(byte[] binary)
    {
        var records = new List<byte[]>();
        ReadOnlySpan<byte> rest = binary;
        while (MeasurementRecord.TryRead(rest, out _, out int size))
        {
            records.Add(rest[..size].ToArray());
            rest = rest[size..];
        }

        return records;
    }

    static byte[] Write(RecordReader reader, Writer write)
    {
        var written = new ByteBuilder();
        while (reader.Next(out MeasurementRecord record))
        {
            write(in record, written);
        }

        return written.Written.ToArray();
    }

    delegate void Writer(in MeasurementRecord record, ByteBuilder into);
}
