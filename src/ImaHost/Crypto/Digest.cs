using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ImaHost.Interop;

namespace ImaHost.Crypto;

/// <summary>The value of a hash function, kept in place: copying it allocates nothing.</summary>
readonly struct Digest
{
    readonly DigestBytes _bytes;

    public Digest(HashAlgorithm algorithm, ReadOnlySpan<byte> bytes)
    {
        Algorithm = algorithm;
        bytes[..algorithm.Size].CopyTo(_bytes);
    }

    public HashAlgorithm Algorithm { get; }

    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes => ((ReadOnlySpan<byte>)_bytes)[..Algorithm.Size];

    /// <summary>As many zero bytes: what a violation entry has in place of a digest.</summary>
    public static Digest Zero(HashAlgorithm algorithm) => new(algorithm, stackalloc byte[algorithm.Size]);

    /// <summary>The digest of a few bytes, by any thread; <see cref="DigestSet"/> is faster where there is one.</summary>
    public static Digest Of(HashAlgorithm algorithm, ReadOnlySpan<byte> data)
    {
        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        _ = EvpDigest.HashOnce(algorithm.Name, data, bytes);
        return new Digest(algorithm, bytes);
    }

    public override string ToString() => $"{Algorithm.Name}:{Convert.ToHexStringLower(Bytes)}";

    [InlineArray(HashAlgorithm.MaxSize)]
    struct DigestBytes
    {
        byte _first;
    }
}
