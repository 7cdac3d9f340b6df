using System.Text;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed partial class ListVerifierTests : IDisposable
{
    static readonly HashAlgorithm[] Banks = [HashAlgorithm.Sha1, HashAlgorithm.Sha256];
    static readonly Entry[] List =
        [.. Enumerable.Range(0, 8).Select(number => Entry.Number(number) with { IsViolation = number is 3 or 5 })];
    readonly DigestSet _digests = new();
    readonly TemporaryDirectory _directory = new();

    public static TheoryData<string, int, int> Counts => KernelVector.Counts;

    public static TheoryData<bool> Forms => [false, true];

    public void Dispose()
    {
        _digests.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void Lists_of_the_kernel_verify_in_both_forms(string name, int entries, int violations)
    {
        KernelVector vector = KernelVector.Open(name);
        PcrValues held = vector.ReadPcrs();
        foreach (string path in new[] { vector.BinaryPath, vector.AsciiPath })
        {
            ListVerifier verifier = Verify(path, held.TryGet, held.Banks);
            Assert.Null(verifier.Break);
            Assert.Equal(entries, verifier.Entries);
            Assert.Equal(entries, verifier.Search.Matched);
            Assert.Equal(violations, verifier.Violations);
            Assert.Equal(violations > 0, verifier.FirstViolation >= 0);
            Assert.Equal(BootAggregateCheck.Matches, verifier.BootAggregate);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void List_may_go_on_after_what_the_PCRs_vouch_for(bool ascii)
    {
        for (int read = 1; read <= List.Length; read++)
        {
            ListVerifier verifier = Verify(Bytes(List, ascii), SoftPcrs.After(List[..read], Banks));
            Assert.Null(verifier.Break);
            Assert.Equal(read, verifier.Search.Matched);
            Assert.Equal(List.Length, verifier.Entries);
            Assert.Equal(2, verifier.Violations);
            Assert.Equal(3, verifier.FirstViolation);
        }
    }

    [Fact]
    public void Empty_list_has_no_entries_and_no_break()
    {
        ListVerifier verifier = Verify([], SoftPcrs.After([], Banks));
        Assert.Null(verifier.Break);
        Assert.Equal(0, verifier.Entries);
        Assert.Equal(-1, verifier.Search.Matched);
        Assert.Equal(-1, verifier.FirstViolation);
        Assert.Equal(BootAggregateCheck.Unknown, verifier.BootAggregate);
    }

    [Theory]
    [InlineData("boot_aggregate", true, "Matches")]
    [InlineData("boot_aggregate", false, "Differs")]
    [InlineData("/sbin/init", true, "Unknown")]
    public void Boot_aggregate_is_compared_with_the_PCRs_of_the_boot(string name, bool same, string expected)
    {
        var held = new SoftPcrs(Banks);
        held.Extend(HashAlgorithm.Sha256, 9, new byte[32]);
        byte[] pcrs = [.. Enumerable.Range(0, 10).SelectMany(pcr => held[HashAlgorithm.Sha256, pcr])];
        Entry first = new(_digests.Hash(HashAlgorithm.Sha256, pcrs).Bytes.ToArray(), name, []);
        held.Extend(HashAlgorithm.Sha256, same ? 10 : 0, new byte[32]);
        Assert.Equal(expected, Verify(first.Record(), held).BootAggregate.ToString());
    }

    [Fact]
    public void Boot_aggregate_is_unknown_in_a_bank_that_was_not_given()
    {
        KernelVector vector = KernelVector.Open("ima-ng-sha256");
        Assert.Equal(BootAggregateCheck.Unknown, Verify(vector.Binary, new SoftPcrs(HashAlgorithm.Sha1)).BootAggregate);
    }

    ListVerifier Verify(byte[] list, SoftPcrs held)
    {
        string path = _directory.At("list");
        File.WriteAllBytes(path, list);
        return Verify(path, held.TryGet, held.Banks);
    }

    ListVerifier Verify(string path, PcrSource held, IReadOnlyList<HashAlgorithm> banks)
    {
        using var file = new ListFile(path);
        var verifier = new ListVerifier(file, held, banks, _digests);
        verifier.Run();
        return verifier;
    }

    static byte[] Bytes(IEnumerable<Entry> list, bool ascii) => ascii
        ? Encoding.UTF8.GetBytes(string.Concat(list.Select(entry => entry.Line())))
        : [.. list.SelectMany(entry => entry.Record())];
}
