using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

/// <summary>The extender within a list, against a TPM whose PCRs can be set.</summary>
public sealed class PcrExtenderTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256, HashAlgorithm.Sha384];
    readonly TpmList _list = new(Banks);

    RuntimeMeasurements List => _list.List;

    public void Dispose() => _list.Dispose();

    [Fact]
    public void Extend_follows_the_list_in_every_bank_and_PCR()
    {
        _list.Begin();
        var expected = new SoftPcrs(Banks);
        Extend(expected, ReadFirst());
        foreach (int pcr in new[] { 10, 11, 17, 10, 11, 17 })
        {
            Entry entry = Entry.Number(_list.Extends) with { Pcr = pcr, IsViolation = _list.Extends == 4 };
            Assert.Equal(StoreOutcome.Stored, _list.Add(entry));
            expected.Take(entry);
        }

        Assert.Equal(7, _list.Extends);
        Assert.Equal(7, List.Extended);
        ExpectPcrs(expected, 10, 11, 17);
        List.TendTpm();
        Assert.Null(List.Fault);
    }

    [Fact]
    public void Extend_refuses_a_second_PCR_that_something_else_has_extended()
    {
        _list.Begin();
        _list.Pcrs.Extend(HashAlgorithm.Sha256, 11, new byte[32]);
        Assert.Equal(StoreOutcome.NotStored, _list.Add(Entry.Number(1) with { Pcr = 11 }));
        Assert.Contains("extended PCR 11", List.Fault, StringComparison.Ordinal);
        Assert.Equal(1, _list.Extends);
        Assert.Equal(1, List.Log.Extent.Entries);

        // Others are none the worse for it.
        Assert.Equal(StoreOutcome.Stored, _list.Add(Entry.Number(2)));
        Assert.Null(List.Fault);
    }

    [Fact]
    public void MayUse_says_which_PCRs_are_as_the_list_gives_them()
    {
        _list.Begin();
        _list.Pcrs.Extend(HashAlgorithm.Sha384, 11, new byte[48]);
        Assert.True(List.MayUse(10, out string why));
        Assert.Equal("", why);
        Assert.True(List.MayUse(17, out _));
        Assert.False(List.MayUse(11, out why));
        Assert.Equal($"PCR 11 of {_list.TpmName} is extended by something else", why);
        Assert.False(List.MayUse(24, out why));
        Assert.Equal("the TPM has no PCR 24 in its sha1 bank", why);
        _list.Refusal = 0x101;
        Assert.False(List.MayUse(10, out why));
        Assert.StartsWith("the TPM refused TPM2_PCR_Read: TPM_RC_FAILURE", why, StringComparison.Ordinal);
        Assert.Null(List.Fault);
    }

    [Fact]
    public void MayUse_allows_every_PCR_without_a_TPM()
    {
        using var fixture = new ListFixture();
        Assert.True(fixture.List.MayUse(11, out string why));
        Assert.Equal("", why);
    }

    [Fact]
    public void Resume_takes_a_list_over_that_a_kernel_began_with_padded_digests()
    {
        Entry[] kernel =
            [Entry.Number(1), Entry.Number(2) with { IsViolation = true }, Entry.Number(3) with { Pcr = 11 }];
        _list.Write(kernel);
        Assert.All(kernel, entry => _list.Pcrs.Take(entry, padded: true));
        _list.Resume();
        Assert.Null(List.Fault);
        Assert.Equal(3, List.Extended);
        Assert.Equal(0, _list.Extends);
    }

    [Fact]
    public void Resume_goes_on_with_real_digests_after_padded_ones()
    {
        Entry[] kernel = [Entry.Number(1), Entry.Number(2)];
        Entry[] host = [Entry.Number(3) with { Name = "imahost-start" }, Entry.Number(4)];
        SoftPcrs expected = new(Banks);
        _list.Write(kernel);
        foreach (Entry entry in kernel)
        {
            _list.Pcrs.Take(entry, padded: true);
            expected.Take(entry, padded: true);
        }

        _list.Resume();
        Assert.All(host, entry => Assert.Equal(StoreOutcome.Stored, _list.Add(entry)));
        Assert.All(host, entry => expected.Take(entry));
        ExpectPcrs(expected, 10);

        _list.Resume();
        Assert.Null(List.Fault);
        Assert.Equal(4, List.Extended);
        Assert.Equal(2, _list.Extends);
        List.TendTpm();
        Assert.Null(List.Fault);
    }

    [Fact]
    public void Resume_extends_what_a_crash_kept_from_the_TPM()
    {
        Entry[] list =
            [.. Enumerable.Range(0, 5).Select(number => Entry.Number(number) with { Pcr = 10 + (number % 2) })];
        _list.Write(list);
        Assert.All(list[..3], entry => _list.Pcrs.Take(entry));
        _list.Resume();
        Assert.Null(List.Fault);
        Assert.Equal(5, List.Extended);
        Assert.Equal(2, _list.Extends);
        ExpectPcrs(SoftPcrs.After(list, Banks), 10, 11);
    }

    [Fact]
    public void Resume_extends_the_only_entry_of_a_list_that_had_just_begun()
    {
        _list.Write([Entry.Number(1)]);
        _list.Resume();
        Assert.Null(List.Fault);
        Assert.Equal(1, _list.Extends);
        ExpectPcrs(SoftPcrs.After([Entry.Number(1)], Banks), 10);
    }

    [Theory]
    [InlineData(0, "is zero, which the 3 entries of")]
    [InlineData(4, ", which the 3 entries of")]
    public void Resume_leaves_a_TPM_alone_that_the_list_does_not_explain(int foreign, string message)
    {
        _list.Write([Entry.Number(1), Entry.Number(2), Entry.Number(3)]);
        for (int i = 0; i < foreign; i++)
        {
            _list.Pcrs.Take(Entry.Number(50 + i));
        }

        _list.Resume();
        Assert.Contains(message, List.Fault, StringComparison.Ordinal);
        Assert.Equal(StoreOutcome.NotExtended, _list.Add(Entry.Number(4)));
        List.TendTpm();
        Assert.NotNull(List.Fault);
        Assert.Equal(0, _list.Extends);
    }

    [Fact]
    public void Resume_says_which_PCR_of_the_list_no_TPM_has()
    {
        _list.Write([Entry.Number(1), Entry.Number(2) with { Pcr = 77 }]);
        _list.Resume();
        Assert.Equal("entry 1 at offset 108: no TPM has a PCR 77", List.Fault);
    }

    [Fact]
    public void TendTpm_catches_up_when_the_TPM_is_well_again()
    {
        _list.Begin();
        _list.Refusal = 0x101;
        Assert.Equal(StoreOutcome.NotExtended, _list.Add(Entry.Number(1)));
        Assert.Equal(StoreOutcome.NotExtended, _list.Add(Entry.Number(1)));
        Assert.Equal(StoreOutcome.NotExtended, _list.Add(Entry.Number(2)));
        Assert.Contains("TPM_RC_FAILURE", List.Fault, StringComparison.Ordinal);
        _list.Refusal = 0;
        List.TendTpm();
        Assert.Null(List.Fault);
        Assert.Equal(3, List.Extended);
        var expected = new SoftPcrs(Banks);
        Extend(expected, ReadFirst());
        expected.Take(Entry.Number(1));
        expected.Take(Entry.Number(2));
        ExpectPcrs(expected, 10);
    }

    [Fact]
    public void TendTpm_finds_that_something_else_extended_the_PCR()
    {
        _list.Begin();
        _list.Pcrs.Extend(HashAlgorithm.Sha1, 10, new byte[20]);
        List.TendTpm();
        Assert.Contains("something else extended it", List.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Begin_refuses_a_PCR_that_was_extended_before_there_was_a_list()
    {
        _list.Pcrs.Extend(HashAlgorithm.Sha384, 10, new byte[48]);
        ListException refused = Assert.Throws<ListException>(_list.Begin);
        Assert.StartsWith($"PCR 10 of {_list.TpmName} was extended before", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>The boot_aggregate, which the list made itself.</summary>
    byte[] ReadFirst() => File.ReadAllBytes(SegmentFiles.Data(List.Log.Path, 0))[39..(39 + 40 + 4 + 15 + 4 + 4)];

    static void Extend(SoftPcrs pcrs, byte[] data)
    {
        using var digests = new DigestSet();
        foreach (HashAlgorithm bank in pcrs.Banks)
        {
            pcrs.Extend(bank, 10, digests.Hash(bank, data).Bytes.ToArray());
        }
    }

    void ExpectPcrs(SoftPcrs expected, params int[] pcrs)
    {
        foreach (HashAlgorithm bank in Banks)
        {
            Assert.All(pcrs, pcr => Assert.Equal(expected[bank, pcr], _list.Pcrs[bank, pcr]));
        }
    }
}
