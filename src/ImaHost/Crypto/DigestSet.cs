using ImaHost.Interop;

namespace ImaHost.Crypto;

/// <summary>Reused hash contexts, one per algorithm, made when first asked for. For one thread at a time.</summary>
sealed class DigestSet : IDisposable
{
    readonly EvpDigest?[] _contexts = new EvpDigest?[HashAlgorithm.MaxKernelId + 1];

    public EvpDigest this[HashAlgorithm algorithm] =>
        _contexts[algorithm.KernelId] ??= new EvpDigest(algorithm.Name);

    public Digest Hash(HashAlgorithm algorithm, ReadOnlySpan<byte> data)
    {
        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        this[algorithm].Hash(data, bytes);
        return new Digest(algorithm, bytes);
    }

    public void Dispose()
    {
        foreach (EvpDigest? context in _contexts)
        {
            context?.Dispose();
        }
    }
}
