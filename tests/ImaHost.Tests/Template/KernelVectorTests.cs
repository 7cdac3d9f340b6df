using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Template;

public sealed class KernelVectorTests
{
    public static TheoryData<string> Cases => KernelVector.Names;

    [Theory]
    [MemberData(nameof(Cases))]
    public void Record_appends_the_bytes_it_was_read_from(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        var written = new ByteBuilder();
        LogReader reader = vector.Reader();
        while (reader.Next(out MeasurementRecord record))
        {
            record.AppendBinary(written);
        }

        Assert.Equal(vector.Binary, written.Written);
        Assert.Equal(vector.Binary.Length, reader.Offset);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Record_shows_the_line_that_the_kernel_shows(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        var written = new ByteBuilder();
        LogReader reader = vector.Reader();
        while (reader.Next(out MeasurementRecord record))
        {
            record.AppendAscii(written);
        }

        Assert.Equal(Encoding.Latin1.GetString(vector.Ascii), Encoding.Latin1.GetString(written.Written));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Template_digest_is_the_SHA1_of_the_data_or_zero_for_a_violation(string name)
    {
        LogReader reader = KernelVector.Open(name).Reader();
        int entries = 0;
        while (reader.Next(out MeasurementRecord record))
        {
            entries++;
#pragma warning disable CA5350 // the list's format has SHA-1 here
            byte[] digest = SHA1.HashData(record.Data);
#pragma warning restore CA5350
            Assert.Equal(record.IsViolation ? new byte[20] : digest, record.TemplateDigest);
        }

        Assert.True(entries >= 3);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Template_encodes_the_data_again_when_the_name_is_ordinary(string name)
    {
        LogReader reader = KernelVector.Open(name).Reader();
        int compared = 0;
        while (reader.Next(out MeasurementRecord record))
        {
            byte[] encoded = Encode(in record, out byte[] path);
            if (IsOrdinary(path))
            {
                compared++;
                Assert.Equal(record.Data, encoded);
            }
            else
            {
                Assert.False(record.Data.SequenceEqual(encoded));
            }
        }

        Assert.True(compared >= 3);
    }

    [Theory]
    [InlineData("violations", 9)]
    [InlineData("names", 1)]
    [InlineData("ima-sig", 1)]
    [InlineData("tcb-ima-sig", 0)]
    public void Record_knows_the_violations_that_the_kernel_counted(string name, int expected)
    {
        LogReader reader = KernelVector.Open(name).Reader();
        int violations = 0;
        while (reader.Next(out MeasurementRecord record))
        {
            violations += record.IsViolation ? 1 : 0;
        }

        Assert.Equal(expected, violations);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    public void Reader_finds_every_entry_when_its_source_gives_little_at_a_time(int most)
    {
        KernelVector vector = KernelVector.Open("tcb-ima-sig");
        var reader = new LogReader(KernelVector.Source(vector.Binary, most));
        var written = new ByteBuilder();
        int entries = 0;
        for (; reader.Next(out MeasurementRecord record); entries++)
        {
            record.AppendBinary(written);
        }

        Assert.Equal(87, entries);
        Assert.Equal(vector.Binary, written.Written);
    }

    static byte[] Encode(in MeasurementRecord record, out byte[] path)
    {
        ReadOnlySpan<byte> rest = record.Data;
        ReadOnlySpan<byte> digest = TemplateDescriptor.TakeField(ref rest);
        path = TemplateDescriptor.TakeField(ref rest)[..^1].ToArray();
        int colon = digest.IndexOf((byte)':');
        var source = new FieldSource
        {
            Digest = new(HashAlgorithm.FromName(digest[..colon])!, digest[(colon + 2)..]),
            Name = path,
            Signature = rest.IsEmpty ? default : TemplateDescriptor.TakeField(ref rest),
        };
        var data = new ByteBuilder();
        TemplateDescriptor.Find(record.TemplateName)!.AppendData(in source, data);
        return data.Written.ToArray();
    }

    static bool IsOrdinary(byte[] path) =>
        Utf8.IsValid(path) && !Encoding.UTF8.GetString(path).Any(char.IsControl);
}
