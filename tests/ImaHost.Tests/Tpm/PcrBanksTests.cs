using ImaHost.Crypto;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

public sealed class PcrBanksTests : IDisposable
{
    readonly DigestSet _digests = new();
    readonly PcrBanks _banks;

    public PcrBanksTests() => _banks = new PcrBanks(HashAlgorithm.All, _digests);

    public void Dispose() => _digests.Dispose();

    [Fact]
    public void Values_start_as_zero_and_those_of_dynamic_PCRs_as_ones()
    {
        for (int pcr = 0; pcr < 24; pcr++)
        {
            for (int bank = 0; bank < HashAlgorithm.All.Count; bank++)
            {
                byte start = pcr is >= 17 and <= 22 ? (byte)0xff : (byte)0;
                Assert.Equal(Enumerable.Repeat(start, HashAlgorithm.All[bank].Size).ToArray(), _banks[pcr][bank].Bytes);
            }
        }
    }

    [Theory]
    [InlineData(10)]
    [InlineData(17)]
    [InlineData(23)]
    public void Extend_hashes_the_old_value_and_the_digest_in_each_bank(int pcr)
    {
        Digest[] first = Digests("first"u8);
        Digest[] second = Digests("second"u8);
        _banks.Extend(pcr, first);
        _banks.Extend(pcr, second);
        for (int bank = 0; bank < HashAlgorithm.All.Count; bank++)
        {
            HashAlgorithm algorithm = HashAlgorithm.All[bank];
            byte[] start = new byte[algorithm.Size];
            start.AsSpan().Fill(pcr == 17 ? (byte)0xff : (byte)0);
            Digest once = _digests.Hash(algorithm, [.. start, .. first[bank].Bytes]);
            Digest twice = _digests.Hash(algorithm, [.. once.Bytes, .. second[bank].Bytes]);
            Assert.Equal(twice.ToString(), _banks[pcr][bank].ToString());
        }
    }

    [Fact]
    public void Extend_leaves_other_PCRs_alone()
    {
        _banks.Extend(10, Digests("x"u8));
        Assert.Equal(new byte[20], _banks[11][0].Bytes);
    }

    [Fact]
    public void Match_wants_every_bank_to_agree()
    {
        _banks.Extend(10, Digests("x"u8));
        Digest[] held = _banks[10].ToArray();
        Assert.True(_banks.Match(10, held));
        Assert.False(_banks.Match(11, held));
        for (int bank = 0; bank < held.Length; bank++)
        {
            Digest[] other = [.. held];
            other[bank] = Digest.Zero(HashAlgorithm.All[bank]);
            Assert.False(_banks.Match(10, other));
        }
    }

    [Fact]
    public void Match_tells_the_order_of_the_extends()
    {
        _banks.Extend(10, Digests("x"u8));
        _banks.Extend(10, Digests("y"u8));
        var other = new PcrBanks(HashAlgorithm.All, _digests);
        other.Extend(10, Digests("y"u8));
        other.Extend(10, Digests("x"u8));
        Assert.False(other.Match(10, _banks[10]));
        other = new PcrBanks(HashAlgorithm.All, _digests);
        other.Extend(10, Digests("x"u8));
        Assert.False(other.Match(10, _banks[10]));
        other.Extend(10, Digests("y"u8));
        Assert.True(other.Match(10, _banks[10]));
    }

    Digest[] Digests(ReadOnlySpan<byte> data)
    {
        var digests = new Digest[HashAlgorithm.All.Count];
        for (int bank = 0; bank < digests.Length; bank++)
        {
            digests[bank] = _digests.Hash(HashAlgorithm.All[bank], data);
        }

        return digests;
    }
}
