using System.Text;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class ListViewTests : IDisposable
{
    const int Entries = 5000;
    static readonly string[] Algorithms = ["sha1", "sha256", "sha384", "sha512", "sm3", "sha3-256"];
    readonly DigestSet _digests = new();

    /// <summary>An algorithm, and whether the list is ascii.</summary>
    public static TheoryData<string, bool> Twins =>
        [.. Algorithms.Select(name => (name, true)), .. Algorithms.Select(name => (name, false))];

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

    [Theory]
    [MemberData(nameof(Twins))]
    public void Twin_has_the_digests_of_its_algorithm_and_zeros_for_violations(string name, bool ascii)
    {
        HashAlgorithm algorithm = Find(name);
        using var list = new ListFixture();
        _ = Fill(list, 120);
        byte[] expected = Render(list, algorithm, ascii);
        var view = new ListView(list.List.Log, algorithm, ascii, _digests);
        Assert.Equal(expected.Length, view.Size);
        byte[] buffer = new byte[expected.Length + 1];
        Assert.Equal(expected.Length, view.Read(buffer, 0));
        Assert.Equal(expected, buffer.AsSpan(0, expected.Length));
    }

    [Theory]
    [MemberData(nameof(Twins))]
    public void Twin_gives_the_exact_bytes_at_every_offset(string name, bool ascii)
    {
        HashAlgorithm algorithm = Find(name);
        using var list = new ListFixture();
        _ = Fill(list, 70);
        byte[] expected = Render(list, algorithm, ascii);
        var view = new ListView(list.List.Log, algorithm, ascii, _digests);
        for (int step = 0; step < expected.Length; step++)
        {
            // Every offset once, now forwards, now far back.
            int offset = step % 2 == 0 ? step / 2 : expected.Length - 1 - (step / 2);
            Compare(view, expected, offset, 1 + (step % 300));
        }
    }

    [Fact]
    public void Size_grows_with_the_list_in_every_form()
    {
        using var list = new ListFixture();
        var view = new ListView(list.List.Log, HashAlgorithm.Sha512, ascii: true, _digests);
        for (int number = 1; number < 10; number++)
        {
            Assert.Equal(Render(list, HashAlgorithm.Sha512, ascii: true).Length, view.Size);
            Assert.Equal(0, view.Read(new byte[10], view.Size));
            Assert.Equal(StoreOutcome.Stored, list.Add(Entry.Number(number)));
        }
    }

    /// <summary>The list from its file, each digest computed anew.</summary>
    byte[] Render(ListFixture list, HashAlgorithm algorithm, bool ascii)
    {
        var twin = new ByteBuilder();
        byte[] scratch = new byte[TemplateDescriptor.HashedSize];
        var reader = new LogReader(KernelVector.Source(File.ReadAllBytes(list.File)));
        while (reader.Next(out MeasurementRecord record))
        {
            Digest digest = record.IsViolation
                ? Digest.Zero(algorithm)
                : _digests.Hash(algorithm, record.HashedData(scratch));
            if (ascii)
            {
                record.AppendAscii(digest.Bytes, twin);
            }
            else
            {
                record.AppendBinary(digest.Bytes, twin);
            }
        }

        return twin.Written.ToArray();
    }

    static HashAlgorithm Find(string name)
    {
        HashAlgorithm? algorithm = HashAlgorithm.FromName(name);
        Assert.SkipWhen(algorithm == null, $"OpenSSL has no {name} here");
        return algorithm;
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
