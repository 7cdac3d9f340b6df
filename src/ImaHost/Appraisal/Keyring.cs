using ImaHost.Crypto;

namespace ImaHost.Appraisal;

enum SignatureCheck
{
    Good,
    UnknownKey,
}

sealed class Keyring
{
    public static Keyring Empty { get; } = new();

    public ulong Stamp { get; }

    public IReadOnlyList<string> Warnings { get; } = [];

    public SignatureCheck Verify(in SecurityIma signature, in Digest signed) => Stamp == 0 ? SignatureCheck.UnknownKey : SignatureCheck.Good;
}
