using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class BankSearchTests : IDisposable
{
    static readonly HashAlgorithm Bank = HashAlgorithm.Sha256;
    readonly DigestSet _digests = new();

    public void Dispose() => _digests.Dispose();

    [Fact]
    public void Matched_is_what_the_PCRs_vouch_for_wherever_they_were_read()
    {
        Entry[] list =
            [.. Enumerable.Range(0, 9).Select(number => Entry.Number(number) with { Pcr = 10 + (number % 2) })];
        for (int read = 0; read <= list.Length; read++)
        {
            BankSearch search = Search(list, SoftPcrs.After(list[..read], Bank).TryGet);
            Assert.Equal(read, search.Matched);
            Assert.Empty(search.Missing);
            Assert.Equal([10, 11], search.Pcrs.Order());
        }
    }

    /// <summary>
    /// Compared with the definition: the last point at which every PCR of the list holds what it was found to hold.
    /// </summary>
    [Fact]
    public void Matched_is_the_last_point_at_which_all_PCRs_agree()
    {
        var random = new Random(8);
        int agreed = 0;
        for (int round = 0; round < 3000; round++)
        {
            Entry[] list = [.. Enumerable.Range(0, random.Next(1, 7)).Select(number => Random(number, random))];
            SoftPcrs held = SoftPcrs.After(list[..random.Next(list.Length + 1)], Bank);
            if (random.Next(3) == 0)
            {
                // One PCR is older or younger than the others, as in a quote of another moment.
                int pcr = list[random.Next(list.Length)].Pcr;
                held[Bank, pcr] = SoftPcrs.After(list[..random.Next(list.Length + 1)], Bank)[Bank, pcr];
            }

            int expected = LastPoint(list, held);
            agreed += expected >= 0 ? 1 : 0;
            Assert.Equal(expected, Search(list, held.TryGet).Matched);
        }

        Assert.InRange(agreed, 1000, 2990);
    }

    [Fact]
    public void Matched_is_nowhere_when_a_PCR_that_comes_later_was_not_as_it_starts()
    {
        Entry[] list = [Entry.Number(1), Entry.Number(2), Entry.Number(3) with { Pcr = 11 }];
        SoftPcrs held = SoftPcrs.After(list[..2], Bank);
        Assert.Equal(2, Search(list, held.TryGet).Matched);
        held.Extend(Bank, 11, new byte[32]);
        Assert.Equal(-1, Search(list, held.TryGet).Matched);
        held.Take(list[2]);
        Assert.Equal(-1, Search(list, held.TryGet).Matched);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(22)]
    [InlineData(23)]
    public void PCRs_of_the_dynamic_root_of_trust_start_as_ones(int pcr)
    {
        Entry[] list = [Entry.Number(1), Entry.Number(2) with { Pcr = pcr }, Entry.Number(3)];
        SoftPcrs held = SoftPcrs.After(list, Bank);
        BankSearch search = Search(list, held.TryGet);
        Assert.Equal(3, search.Matched);
        Assert.Equal(held[Bank, pcr], search.ValueOf(pcr).Bytes);
        Assert.Equal(1, Search(list, SoftPcrs.After(list[..1], Bank).TryGet).Matched);
        held[Bank, pcr] = [.. Enumerable.Repeat((byte)(pcr is 17 or 22 ? 0 : 0xff), 32)];
        Assert.Equal(-1, Search(list, held.TryGet).Matched);
    }

    [Fact]
    public void Missing_are_the_PCRs_of_the_list_that_nobody_gave()
    {
        Entry[] list = [Entry.Number(1), Entry.Number(2) with { Pcr = 12 }, Entry.Number(3) with { Pcr = 12 }];
        SoftPcrs held = SoftPcrs.After(list, Bank);
        BankSearch search = Search(list, (HashAlgorithm bank, int pcr, out Digest value) =>
            held.TryGet(bank, pcr, out value) && pcr != 12);
        Assert.Equal([12], search.Missing);
        Assert.Equal([10, 12], search.Pcrs.Order());
        Assert.Equal(held[Bank, 12], search.ValueOf(12).Bytes);
    }

    [Fact]
    public void Matched_is_nowhere_when_there_is_no_value_to_compare()
    {
        BankSearch search = Search([Entry.Number(1)], (HashAlgorithm _, int _, out Digest value) =>
        {
            value = default;
            return false;
        });
        Assert.Equal(-1, search.Matched);
        Assert.Equal([10], search.Missing);
    }

    BankSearch Search(Entry[] list, PcrSource held)
    {
        var search = new BankSearch(Bank, isPadded: false, held, _digests);
        for (int number = 0; number < list.Length; number++)
        {
            Digest digest = EntryDigests.Of(Bank, Bank, list[number].Data(), list[number].IsViolation, _digests);
            search.Take(list[number].Pcr, in digest, number + 1);
        }

        return search;
    }

    static Entry Random(int number, Random random) =>
        Entry.Number(number) with { Pcr = new[] { 10, 11, 17 }[random.Next(3)], IsViolation = random.Next(9) == 0 };

    static int LastPoint(Entry[] list, SoftPcrs held)
    {
        for (int point = list.Length; point >= 0; point--)
        {
            SoftPcrs then = SoftPcrs.After(list[..point], Bank);
            if (list.All(entry => then[Bank, entry.Pcr].SequenceEqual(held[Bank, entry.Pcr])))
            {
                return point;
            }
        }

        return -1;
    }
}
