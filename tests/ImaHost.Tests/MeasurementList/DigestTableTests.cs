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
            _table.Add(Numbered(i), 10, i);
        }

        for (int i = 0; i < count; i++)
        {
            Assert.True(Finds(Numbered(i), 10, i));
            Assert.False(Finds(Numbered(count + i), 10, -1, anything: true));
        }
    }

    [Fact]
    public void Table_tells_digests_with_the_same_first_bytes_apart_by_their_position()
    {
        Digest one = Starting(77, tail: 1);
        Digest other = Starting(77, tail: 2);
        _table.Add(in one, 10, 1000);
        _table.Add(in other, 10, 2000);
        Assert.True(Finds(one, 10, 1000));
        Assert.True(Finds(other, 10, 2000));
        Assert.False(Finds(one, 10, 3000));
    }

    [Fact]
    public void Table_finds_digests_that_all_fall_on_its_last_place()
    {
        for (uint i = 0; i < 1000; i++)
        {
            _table.Add(Starting((i << 20) | 0xfffff), 10, i);
        }

        for (uint i = 0; i < 1000; i++)
        {
            Assert.True(Finds(Starting((i << 20) | 0xfffff), 10, i));
        }
    }

    [Fact]
    public void Table_keeps_the_PCRs_apart()
    {
        Digest digest = Numbered(1);
        _table.Add(in digest, 10, 5);
        Assert.False(Finds(digest, 11, 5, anything: true));
        _table.Add(in digest, 11, 6);
        Assert.True(Finds(digest, 10, 5));
        Assert.True(Finds(digest, 11, 6));
        Assert.False(Finds(digest, 11, 5));
    }

    [Fact]
    public void Table_takes_the_first_position_in_a_file()
    {
        _table.Add(Numbered(1), 10, 0);
        Assert.True(Finds(Numbered(1), 10, 0));
    }

    [Fact]
    public void Table_leaves_no_file_behind()
    {
        _table.Add(Numbered(1), 10, 0);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Root));
    }

    bool Finds(Digest digest, int pcr, long position, bool anything = false) =>
        _table.Contains(in digest, pcr, (found, wanted) => anything || found == wanted, position);

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
