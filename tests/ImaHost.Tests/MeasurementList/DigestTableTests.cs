using System.Buffers.Binary;
using System.Security.Cryptography;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.MeasurementList;

public sealed class DigestTableTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly DigestTable _table;

    public DigestTableTests() => _table = new DigestTable(_directory.At("table"));

    public void Dispose()
    {
        _table.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Table_finds_all_it_was_given_after_growing_and_nothing_else()
    {
        const int count = 20_000;
        for (int i = 0; i < count; i++)
        {
            _table.Add(Numbered(i), i);
        }

        for (int i = 0; i < count; i++)
        {
            Assert.True(Finds(Numbered(i), i));
            Assert.False(Finds(Numbered(count + i), -1, anything: true));
        }
    }

    [Fact]
    public void Table_tells_digests_with_the_same_first_bytes_apart_by_their_position()
    {
        Digest one = Starting(77, tail: 1);
        Digest other = Starting(77, tail: 2);
        _table.Add(in one, 1000);
        _table.Add(in other, 2000);
        Assert.True(Finds(one, 1000));
        Assert.True(Finds(other, 2000));
        Assert.False(Finds(one, 3000));
    }

    [Fact]
    public void Table_finds_digests_that_all_fall_on_its_last_place()
    {
        for (uint i = 0; i < 1000; i++)
        {
            _table.Add(Starting((i << 20) | 0xfffff), i);
        }

        for (uint i = 0; i < 1000; i++)
        {
            Assert.True(Finds(Starting((i << 20) | 0xfffff), i));
        }
    }

    [Fact]
    public void Table_takes_the_first_position_in_a_file()
    {
        _table.Add(Numbered(1), 0);
        Assert.True(Finds(Numbered(1), 0));
    }

    /// <summary>At any number of entries: also while it grows, when the file that is left reaches less far.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2048)]
    [InlineData(2100)]
    [InlineData(2400)]
    [InlineData(9000)]
    public void Table_is_there_for_the_next_host_as_far_as_it_says(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _table.Add(Numbered(i), i);
        }

        using var next = new DigestTable(_directory.At("table"), count);
        Assert.InRange(next.Covered, count - (count / 4), count);
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(i < next.Covered, next.Contains(Numbered(i), (found, wanted) => found == wanted, i));
        }
    }

    [Fact]
    public void Table_that_knows_more_than_there_is_begins_anew()
    {
        _table.Add(Numbered(1), 100);
        using var next = new DigestTable(_directory.At("table"), 50);
        Assert.Equal(0, next.Covered);
        Assert.False(next.Contains(Numbered(1), (_, _) => true, 0));
    }

    bool Finds(Digest digest, long position, bool anything = false) =>
        _table.Contains(in digest, (found, wanted) => anything || found == wanted, position);

    static Digest Numbered(int number) =>
        new(HashAlgorithm.Sha256, SHA256.HashData(BitConverter.GetBytes(number)));

    static Digest Starting(ulong start, byte tail = 0)
    {
        Span<byte> bytes = stackalloc byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, start);
        bytes[31] = tail;
        return new Digest(HashAlgorithm.Sha256, bytes);
    }
}
