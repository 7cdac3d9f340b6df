using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class PcrSearchTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256, HashAlgorithm.Sha384];
    readonly DigestSet _digests = new();

    public static TheoryData<string> Cases => KernelVector.Names;

    public void Dispose() => _digests.Dispose();

    /// <summary>The kernel of the vectors had no sha384 and sha512 when IMA began.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Search_gives_all_PCRs_that_the_kernel_left_in_the_TPM(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        var search = new PcrSearch(vector.Banks, vector.ReadPcrs().TryGet, _digests);
        search.Run(() => vector.Reader());
        Assert.Equal(Records.Split(vector.Binary).Count, search.Matched);
        Assert.Equal(name == "rule-pcr-template" ? [10, 11, 23] : [10], search.Pcrs.Order());
        Assert.Equal(vector.Banks, search.Banks.Select(bank => bank.Bank));
        foreach (BankSearch bank in search.Banks)
        {
            Assert.Equal(bank.Bank == HashAlgorithm.Sha384 || bank.Bank == HashAlgorithm.Sha512, bank.IsPadded);
            Assert.Empty(bank.Missing);
            foreach (int pcr in bank.Pcrs)
            {
                Assert.Equal(vector.PcrAfter(bank.Bank.Name, pcr), bank.ValueOf(pcr).Bytes);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Search_shows_its_visitor_each_record_once(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        var seen = new ByteBuilder();
        var search = new PcrSearch(vector.Banks, vector.ReadPcrs().TryGet, _digests);
        search.Run(
            () => vector.AsciiReader(),
            (in MeasurementRecord record, ReadOnlySpan<byte> hashed, in Digest sha1) =>
            {
                record.AppendBinary(seen);
                Assert.True(record.IsViolation || record.TemplateDigest.SequenceEqual(sha1.Bytes));
                Assert.Equal(_digests.Hash(HashAlgorithm.Sha1, hashed).ToString(), sha1.ToString());
            });
        Assert.Equal(vector.Binary, seen.Written);
    }

    [Fact]
    public void Search_finds_the_padded_digests_of_a_kernel_before_the_real_ones_of_the_host()
    {
        Entry[] kernel = [Entry.Number(1), Entry.Number(2) with { IsViolation = true }, Entry.Number(3)];
        Entry[] host = [Event("imahost-start"), Entry.Number(4), Event("imahost-stop")];
        Entry[] list = [.. kernel, .. host, Event("imahost-start"), Entry.Number(5)];
        for (int read = 1; read <= list.Length; read++)
        {
            SoftPcrs held = Extend(list[..read], padded: Math.Min(read, kernel.Length));
            PcrSearch search = Search(list, held);
            Assert.Equal(read, search.Matched);
            Assert.Equal([false, true, true], search.Banks.Select(bank => bank.IsPadded));
        }
    }

    /// <summary>A kernel's list that no host went on with: padded to the end.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Search_does_not_take_padded_digests_after_the_start_of_the_host(int start)
    {
        Entry[] list = [.. Enumerable.Range(0, 5).Select(Entry.Number)];
        list[start] = Event("imahost-start");
        SoftPcrs held = Extend(list, padded: list.Length);
        Assert.Equal(-1, Search(list, held).Matched);
        list[start] = Event("not-imahost-start");
        held = Extend(list, padded: list.Length);
        Assert.Equal(list.Length, Search(list, held).Matched);
    }

    [Fact]
    public void Search_takes_a_bank_for_padded_only_if_its_own_digests_do_not_match()
    {
        Entry[] list = [Entry.Number(1), Entry.Number(2)];
        var held = new SoftPcrs(Banks);
        foreach (Entry entry in list)
        {
            held.Take(entry);
        }

        SoftPcrs padded = Extend(list, padded: 2);
        held[HashAlgorithm.Sha384, 10] = padded[HashAlgorithm.Sha384, 10];
        PcrSearch search = Search(list, held);
        Assert.Equal(2, search.Matched);
        Assert.Equal([false, false, true], search.Banks.Select(bank => bank.IsPadded));
    }

    [Fact]
    public void Search_does_not_match_when_banks_agree_after_different_numbers_of_entries()
    {
        Entry[] list = [Entry.Number(1), Entry.Number(2), Entry.Number(3)];
        SoftPcrs held = SoftPcrs.After(list, Banks);
        held[HashAlgorithm.Sha256, 10] = SoftPcrs.After(list[..2], Banks)[HashAlgorithm.Sha256, 10];
        PcrSearch search = Search(list, held);
        Assert.Equal(-1, search.Matched);
        Assert.Equal([3, 2, 3], search.Banks.Select(bank => bank.Matched));
    }

    [Fact]
    public void Search_does_not_match_when_one_bank_agrees_nowhere()
    {
        Entry[] list = [Entry.Number(1), Entry.Number(2)];
        SoftPcrs held = SoftPcrs.After(list, Banks);
        held[HashAlgorithm.Sha384, 10] = new byte[48];
        held.Extend(HashAlgorithm.Sha384, 10, new byte[48]);
        PcrSearch search = Search(list, held);
        Assert.Equal(-1, search.Matched);
        Assert.Equal([2, 2, -1], search.Banks.Select(bank => bank.Matched));
        Assert.False(search.Banks[2].IsPadded);
    }

    [Fact]
    public void Search_of_an_empty_list_matches_nowhere_and_has_no_PCRs()
    {
        PcrSearch search = Search([], new SoftPcrs(Banks));
        Assert.Equal(-1, search.Matched);
        Assert.Empty(search.Pcrs);
    }

    [Fact]
    public void Search_without_banks_only_shows_the_records()
    {
        int seen = 0;
        var search = new PcrSearch([], new SoftPcrs().TryGet, _digests);
        search.Run(() => Reader([Entry.Number(1), Entry.Number(2)]), (in _, _, in _) => seen++);
        Assert.Equal(2, seen);
        Assert.Equal(-1, search.Matched);
        Assert.Empty(search.Pcrs);
    }

    PcrSearch Search(Entry[] list, SoftPcrs held)
    {
        var search = new PcrSearch(held.Banks, held.TryGet, _digests);
        search.Run(() => Reader(list));
        return search;
    }

    /// <param name="padded">So many entries are extended by a kernel that has only SHA-1.</param>
    static SoftPcrs Extend(Entry[] list, int padded)
    {
        var held = new SoftPcrs(Banks);
        for (int i = 0; i < list.Length; i++)
        {
            held.Take(list[i], padded: i < padded);
        }

        return held;
    }

    static LogReader Reader(Entry[] list) => new(KernelVector.Source([.. list.SelectMany(entry => entry.Record())]));

    static Entry Event(string name) => Entry.Number(100) with { Name = name };
}
