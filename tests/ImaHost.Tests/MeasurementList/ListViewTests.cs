using System.Text;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class ListViewTests : IDisposable
{
    const int Entries = 5000;
    readonly DigestSet _digests = new();

    public void Dispose() => _digests.Dispose();

    [Fact]
    public void Read_gives_the_exact_bytes_at_random_offsets()
    {
        using var list = new ListFixture();
        byte[] expected = Fill(list, Entries);
        Assert.True(expected.Length > 4 << 17);
        ListView view = Ascii(list);
        var random = new Random(4);
        for (int round = 0; round < 3000; round++)
        {
            Compare(view, expected, random.Next(expected.Length + 100), random.Next(9000));
        }
    }

    [Fact]
    public void Read_gives_the_whole_list_from_front_to_back_whatever_the_size_of_a_read()
    {
        using var list = new ListFixture();
        byte[] expected = Fill(list, 500);
        foreach (int size in new[] { 1, 7, 4096, 1 << 20 })
        {
            ListView view = Ascii(list);
            byte[] buffer = new byte[size];
            using var read = new MemoryStream();
            for (int got; (got = view.Read(buffer, read.Length)) > 0;)
            {
                read.Write(buffer, 0, got);
            }

            Assert.Equal(Encoding.UTF8.GetString(expected), Encoding.UTF8.GetString(read.ToArray()));
        }
    }

    [Fact]
    public void Read_gives_the_exact_bytes_while_the_list_grows()
    {
        using var list = new ListFixture();
        var expected = new List<byte>(Fill(list, 1));
        ListView view = Ascii(list);
        var random = new Random(5);
        for (int number = 2; number < Entries; number++)
        {
            Entry entry = Entry.Number(number);
            Assert.Equal(StoreOutcome.Stored, list.Add(entry));
            expected.AddRange(Encoding.UTF8.GetBytes(entry.Line()));
            int near = Math.Max(0, expected.Count - random.Next(500));
            Compare(view, [.. expected[near..]], near, random.Next(600), near);
            if (number % 100 == 0)
            {
                Compare(view, [.. expected], random.Next(expected.Count), random.Next(9000));
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000_000_000_000)]
    public void Read_gives_nothing_at_the_end_and_beyond(long beyond)
    {
        using var list = new ListFixture();
        byte[] expected = Fill(list, 3);
        Assert.Equal(0, Ascii(list).Read(new byte[10], expected.Length + beyond));
    }

    ListView Ascii(ListFixture list) => new(list.List.Log, HashAlgorithm.Sha1, ascii: true, _digests);

    /// <summary>Adds entries after the first one and returns the whole list as text.</summary>
    static byte[] Fill(ListFixture list, int entries)
    {
        var first = new Entry(new byte[32], "boot_aggregate", []);
        var text = new StringBuilder(first.Line());
        for (int number = 1; number < entries; number++)
        {
            Entry entry = Entry.Number(number) with { IsViolation = number % 50 == 0 };
            Assert.Equal(StoreOutcome.Stored, list.Add(entry));
            _ = text.Append(entry.Line());
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <param name="from">Where in the list <paramref name="expected"/> begins.</param>
    static void Compare(ListView view, byte[] expected, long offset, int size, long from = 0)
    {
        byte[] buffer = new byte[size];
        int got = view.Read(buffer, offset);
        ReadOnlySpan<byte> rest = offset - from >= expected.Length ? default : expected.AsSpan((int)(offset - from));
        rest = rest[..Math.Min(rest.Length, size)];
        Assert.True(
            rest.SequenceEqual(buffer.AsSpan(0, got)), $"offset {offset}, size {size}: {got} bytes, {rest.Length} expected");
    }
}
