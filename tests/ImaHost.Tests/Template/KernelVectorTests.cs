using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class KernelVectorTests
{
    /// <summary>No power of two, and none divides the length of a record.</summary>
    static readonly int[] OddSizes = [1, 7, 61, 4093];

    public static TheoryData<string> Cases => KernelVector.Names;

    public static TheoryData<string, int, int> Counts => KernelVector.Counts;

    [Fact]
    public void Cases_are_all_that_there_are() => Assert.Equal(
        Directory.GetDirectories(Repository.Locate("tests", "testdata", "vectors")).Select(Path.GetFileName).Order(),
        KernelVector.Names.Select(row => row.Data).Order());

    [Theory]
    [MemberData(nameof(Cases))]
    public void Record_appends_the_bytes_it_was_read_from(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        LogReader reader = vector.Reader();
        Assert.Equal(vector.Binary, Records.Binary(reader));
        Assert.Equal(vector.Binary.Length, reader.Offset);
        Assert.Equal(0, reader.Rest);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Record_shows_the_line_that_the_kernel_shows(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        byte[] shown = Records.Ascii(vector.Reader());
        Assert.Equal(Encoding.Latin1.GetString(vector.Ascii), Encoding.Latin1.GetString(shown));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ascii_list_is_read_back_as_the_binary_one(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        AsciiReader reader = vector.AsciiReader();
        Assert.Equal(vector.Binary, Records.Binary(reader));
        Assert.Equal(vector.Ascii.Length, reader.Offset);
        Assert.Equal(0, reader.Rest);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Readers_find_the_same_when_their_source_gives_little_at_a_time(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        foreach (int most in OddSizes)
        {
            Assert.Equal(vector.Binary, Records.Binary(vector.Reader(most)));
            Assert.Equal(vector.Binary, Records.Binary(vector.AsciiReader(most)));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Template_digest_is_the_SHA1_of_the_hashed_data_or_zero_for_a_violation(string name)
    {
        LogReader reader = KernelVector.Open(name).Reader();
        byte[] scratch = new byte[TemplateDescriptor.HashedSize];
        while (reader.Next(out MeasurementRecord record))
        {
#pragma warning disable CA5350 // the list's format has SHA-1 here
            byte[] digest = SHA1.HashData(record.HashedData(scratch));
#pragma warning restore CA5350
            Assert.Equal(record.IsViolation ? new byte[20] : digest, record.TemplateDigest);
        }

        Assert.True(reader.Number > 0);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Template_encodes_the_data_again_when_the_name_is_ordinary(string name)
    {
        LogReader reader = KernelVector.Open(name).Reader();
        int compared = 0;
        var data = new ByteBuilder();
        for (; reader.Next(out MeasurementRecord record); data.Clear())
        {
            var fields = new RecordFields(in record);
            FieldSource source = fields.Source();
            record.Template.AppendData(in source, data);
            bool ordinary = IsOrdinary(fields.Name);
            compared += ordinary ? 1 : 0;
            Assert.Equal(ordinary, record.Data.SequenceEqual(data.Written));
        }

        Assert.True(compared >= 2);
        Assert.Equal(name == "names", compared < reader.Number);
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void Readers_find_as_many_entries_and_violations_as_the_kernel(string name, int entries, int violations)
    {
        KernelVector vector = KernelVector.Open(name);
        foreach (RecordReader reader in new RecordReader[] { vector.Reader(), vector.AsciiReader() })
        {
            int found = 0;
            while (reader.Next(out MeasurementRecord record))
            {
                found += record.IsViolation ? 1 : 0;
            }

            Assert.Equal(entries, reader.Number);
            Assert.Equal(violations, found);
        }
    }

    static bool IsOrdinary(byte[] path) =>
        Utf8.IsValid(path) && !Encoding.UTF8.GetString(path).Any(char.IsControl);
}
