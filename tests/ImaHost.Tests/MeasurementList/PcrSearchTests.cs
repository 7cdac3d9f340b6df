using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class PcrSearchTests : IDisposable
{
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
}
