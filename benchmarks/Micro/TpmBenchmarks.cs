using BenchmarkDotNet.Attributes;
using ImaHost.Crypto;
using ImaHost.Tpm;

namespace ImaHost.Benchmarks;

/// <summary>TPM2_PCR_Extend without the TPM: the command is put together, a canned answer is read.</summary>
public class TpmBenchmarks
{
    static readonly Digest[] AllBanks =
    [
        Digest.Zero(HashAlgorithm.Sha1), Digest.Zero(HashAlgorithm.Sha256), Digest.Zero(HashAlgorithm.Sha384),
        Digest.Zero(HashAlgorithm.Sha512),
    ];

    readonly TpmCommands _tpm = new(new CannedTransport(), 1000);

    [Params(1, 4)]
    public int Banks { get; set; }

    [Benchmark]
    public void PcrExtend() => _tpm.Extend(10, AllBanks.AsSpan(0, Banks));

    [GlobalCleanup]
    public void Close() => _tpm.Dispose();
}
