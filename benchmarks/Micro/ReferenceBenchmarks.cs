using BenchmarkDotNet.Attributes;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Benchmarks;

/// <summary>
/// One look-up in an index of 1,000,000 digests. Each is of another digest than the last, in an order that has nothing
/// to do with the index's, so that hardly any of its rows is in the processor's cache.
/// </summary>
[BenchmarkCategory(Gate.LooksUp)]
public class ReferenceBenchmarks
{
    const int Digests = 1_000_000;
    const Vouching Both = Vouching.Reference | Vouching.Package;

    readonly ReferencePlace _place = new();
    readonly byte[] _path = "/usr/bin/program"u8.ToArray();
    Digest[] _listed = [];
    Digest[] _others = [];
    ReferenceIndex _index = ReferenceIndex.Empty;
    int _next;

    [GlobalSetup]
    public void Build()
    {
        _place.WriteList("all", 0, Digests);
        var store = new ReferenceStore(_place.Settings);
        _ = store.Open();
        _index = store.Current;
        _listed = ReferencePlace.Shuffled(0, Digests);
        _others = ReferencePlace.Shuffled(Digests, Digests);
    }

    [GlobalCleanup]
    public void Remove() => _place.Dispose();

    [Benchmark]
    public bool Hit() => Find(_listed);

    [Benchmark]
    public bool Miss() => Find(_others);

    bool Find(Digest[] digests)
    {
        _next = _next + 1 < digests.Length ? _next + 1 : 0;
        return _index.TryFind(in digests[_next], _path, Both, 0, out _);
    }
}
