using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class ListVerifierTests : IDisposable
{
    readonly DigestSet _digests = new();

    public static TheoryData<string, int, int> Counts => KernelVector.Counts;

    public void Dispose() => _digests.Dispose();

    [Theory]
    [MemberData(nameof(Counts))]
    public void Lists_of_the_kernel_verify_in_both_forms(string name, int entries, int violations)
    {
        KernelVector vector = KernelVector.Open(name);
        foreach (string path in new[] { vector.BinaryPath, vector.AsciiPath })
        {
            ListVerifier verifier = Verify(path, vector.ReadPcrs());
            Assert.Null(verifier.Break);
            Assert.Equal(entries, verifier.Entries);
            Assert.Equal(entries, verifier.Search.Matched);
            Assert.Equal(violations, verifier.Violations);
            Assert.Equal(violations > 0, verifier.FirstViolation >= 0);
            Assert.Equal(BootAggregateCheck.Matches, verifier.BootAggregate);
        }
    }

    ListVerifier Verify(string path, PcrValues held)
    {
        using var file = new ListFile(path);
        var verifier = new ListVerifier(file, held.TryGet, held.Banks, _digests);
        verifier.Run();
        return verifier;
    }
}
