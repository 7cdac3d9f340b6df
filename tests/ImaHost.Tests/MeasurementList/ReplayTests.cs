using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class ReplayTests
{
    public static TheoryData<string> Cases => KernelVector.Names;

    /// <summary>Not sha384 and sha512: the kernel of the vectors lacked them and extended padded SHA-1 there.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Replay_gives_the_PCR_that_the_kernel_left_in_the_TPM(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        int compared = 0;
        foreach (HashAlgorithm bank in new[] { HashAlgorithm.Sha1, HashAlgorithm.Sha256 })
        {
            if (vector.PcrAfter(bank.Name, 10) is { } expected)
            {
                compared++;
                Assert.Equal(Convert.ToHexStringLower(expected), Convert.ToHexStringLower(Replay(vector, bank)));
            }
        }

        Assert.InRange(compared, 1, 2);
    }

    [Fact]
    public void Replay_of_several_banks_at_once_equals_that_of_each_alone()
    {
        KernelVector vector = KernelVector.Open("violations");
        using var digests = new DigestSet();
        var banks = new PcrBanks(HashAlgorithm.All, digests);
        Extend(vector, banks, digests);
        for (int i = 0; i < HashAlgorithm.All.Count; i++)
        {
            Assert.Equal(Replay(vector, HashAlgorithm.All[i]), banks[10][i].Bytes);
        }

        Assert.Equal([10], banks.Used);
    }

    [Fact]
    public void Replay_differs_when_one_byte_of_one_entry_does()
    {
        byte[] binary = KernelVector.Open("tcb-ima-sig").Binary;
        binary[^1] ^= 1;
        Assert.NotEqual(
            KernelVector.Open("tcb-ima-sig").PcrAfter("sha256", 10),
            Replay(new LogReader(KernelVector.Source(binary)), HashAlgorithm.Sha256));
    }

    static byte[] Replay(KernelVector vector, HashAlgorithm bank) => Replay(vector.Reader(), bank);

    static byte[] Replay(LogReader reader, HashAlgorithm bank)
    {
        using var digests = new DigestSet();
        var banks = new PcrBanks([bank], digests);
        Extend(reader, banks, digests);
        return banks[10][0].Bytes.ToArray();
    }

    static void Extend(KernelVector vector, PcrBanks banks, DigestSet digests) => Extend(vector.Reader(), banks, digests);

    static void Extend(LogReader reader, PcrBanks banks, DigestSet digests)
    {
        var entry = new EntryDigests(banks.Banks, digests);
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        while (reader.Next(out MeasurementRecord record))
        {
            entry.Compute(record.HashedData(scratch), record.IsViolation);
            banks.Extend(record.Pcr, entry.Values);
        }
    }
}
