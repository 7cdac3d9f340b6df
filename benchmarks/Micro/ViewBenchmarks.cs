using BenchmarkDotNet.Attributes;
using ImaHost.Crypto;
using ImaHost.MeasurementList;

namespace ImaHost.Benchmarks;

/// <summary>A list of 20,000 entries as readers get it, in reads of 128 KiB one after the other.</summary>
public class ViewBenchmarks
{
    const int Entries = 20_000;
    const int ReadSize = 128 << 10;

    readonly byte[] _buffer = new byte[ReadSize];
    readonly DigestSet _digests = new();
    ListPlace? _place;
    ListView? _ascii;
    ListView? _asciiOfSha256;
    long _offset;

    [Params(ReadSize)]
    public int Bytes { get; set; }

    MeasurementLog Log => _place!.List.Log;

    [GlobalSetup]
    public void Fill()
    {
        _place = new ListPlace("/dev/shm");
        for (int i = 0; i < Entries; i++)
        {
            _place.AddNew();
        }

        _ascii = new ListView(Log, HashAlgorithm.Sha1, ascii: true, _digests);
        _asciiOfSha256 = new ListView(Log, HashAlgorithm.Sha256, ascii: true, _digests);
    }

    [GlobalCleanup]
    public void Close()
    {
        _place?.Dispose();
        _digests.Dispose();
    }

    [Benchmark]
    public int Ascii() => _ascii!.Read(_buffer, Next(_ascii.Size));

    [Benchmark]
    public int AsciiOfSha256() => _asciiOfSha256!.Read(_buffer, Next(_asciiOfSha256.Size));

    [Benchmark]
    public int Binary() => Log.ReadBinary(_buffer, Next(Log.Extent.BinaryBytes));

    /// <summary>A view for a reader that looks at one block only, from its making on.</summary>
    [Benchmark, BenchmarkCategory(Gate.OffPath)]
    public int NewView() => new ListView(Log, HashAlgorithm.Sha1, ascii: true, _digests).Read(_buffer, Next(_ascii!.Size));

    /// <summary>The next offset at which a whole block can be read.</summary>
    long Next(long size)
    {
        _offset = _offset + (2 * Bytes) > size ? 0 : _offset + Bytes;
        return _offset;
    }
}
