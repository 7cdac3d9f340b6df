using ImaHost.Crypto;

namespace ImaHost.Appraisal;

sealed class Blacklist
{
    public static Blacklist Empty { get; } = new();

    public ulong Stamp { get; }

    public IReadOnlyList<string> Warnings { get; } = [];

    public bool IsRevoked(in Digest digest) => Stamp != 0;
}
