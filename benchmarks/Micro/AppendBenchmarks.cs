using BenchmarkDotNet.Attributes;
using ImaHost.Crypto;

namespace ImaHost.Benchmarks;

/// <summary>One entry more in the list, on a disk's filesystem and on tmpfs.</summary>
public class AppendBenchmarks
{
    ListPlace? _alone;
    ListPlace? _extending;

    [Params("disk", "tmpfs")]
    public string Place { get; set; } = "";

    [GlobalSetup]
    public void Begin()
    {
        string parent = Place == "tmpfs" ? "/dev/shm" : AppContext.BaseDirectory;
        _alone = new ListPlace(parent);
        _alone.AddNew();
        _extending = new ListPlace(
            parent, HashAlgorithm.Sha1, HashAlgorithm.Sha256, HashAlgorithm.Sha384, HashAlgorithm.Sha512);
    }

    [GlobalCleanup]
    public void End()
    {
        _alone?.Dispose();
        _extending?.Dispose();
    }

    [Benchmark]
    public void Add() => _alone!.AddNew();

    [Benchmark]
    public void AddAndExtendFourBanks() => _extending!.AddNew();

    [Benchmark]
    public void AddWhatIsThere() => _alone!.AddAgain();
}
