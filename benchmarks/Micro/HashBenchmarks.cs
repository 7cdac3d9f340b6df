using BenchmarkDotNet.Attributes;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;

namespace ImaHost.Benchmarks;

/// <summary>The digest of a file whose pages are in memory; beside it the same bytes in one buffer.</summary>
public class HashBenchmarks
{
    readonly FileHasher _hasher = new();
    readonly EvpDigest _evp = new(HashAlgorithm.Sha256.Name);
    readonly byte[] _digest = new byte[HashAlgorithm.MaxSize];
    byte[] _content = [];
    string _path = "";
    HeldFile? _file;

    [Params(4 << 10, 100 << 10, 1 << 20, 16 << 20)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _content = new byte[Bytes];
        new Random(Bytes).NextBytes(_content);
        _path = Path.Combine(AppContext.BaseDirectory, $"hashed-{Bytes}");
        File.WriteAllBytes(_path, _content);
        _file = HeldFile.Open(_path);
    }

    [GlobalCleanup]
    public void Close()
    {
        _file?.Dispose();
        _hasher.Dispose();
        _evp.Dispose();
        File.Delete(_path);
    }

    [Benchmark]
    public int FileHasher() => _hasher.Hash(_file!, (ulong)Bytes, HashAlgorithm.Sha256, null, out _);

    [Benchmark]
    public void InMemory() => _evp.Hash(_content, _digest);
}
