using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

readonly record struct ReferenceHit(int Source, int Line);

sealed class ReferenceIndex
{
    public static ReferenceIndex Empty { get; } = new();

    public ulong Stamp { get; }

    public Vouching KindOf(ReferenceHit hit) => Stamp != 0 && hit.Source < 0 ? Vouching.Package : Vouching.Reference;

    public bool TryFind(in Digest digest, ReadOnlySpan<byte> path, Vouching kinds, long now, out ReferenceHit hit)
    {
        _ = this;
        hit = default;
        return false;
    }
}
