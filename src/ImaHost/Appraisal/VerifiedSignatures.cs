using ImaHost.Crypto;

namespace ImaHost.Appraisal;

/// <summary>
/// Remembers which key has made which signature of which digest, so that each is verified once: by a SHA-256 of both,
/// of which nobody makes two alike. Of fixed size: what is new takes the place of what is old. For any thread.
/// </summary>
sealed class VerifiedSignatures
{
    const int Slots = 4096;
    const int NameBytes = 32;

    /// <summary>No longer signature is remembered: that of RSA with 8192 bits.</summary>
    const int MostSignature = 1024;

    readonly byte[] _names = new byte[Slots * NameBytes];

    /// <summary>The index of the key, from 1; 0: nothing.</summary>
    readonly int[] _keys = new int[Slots];
    readonly Lock _lock = new();

    /// <returns>False: it is too long to be remembered.</returns>
    public static bool TryName(in SecurityIma signature, in Digest signed, out Digest name)
    {
        ReadOnlySpan<byte> value = signature.Value;
        if (value.Length > SecurityIma.SignatureHeader + MostSignature)
        {
            name = default;
            return false;
        }

        // The header tells how long the signature is, and so where the digest begins.
        Span<byte> both = stackalloc byte[SecurityIma.SignatureHeader + MostSignature + HashAlgorithm.MaxSize];
        value.CopyTo(both);
        signed.Bytes.CopyTo(both[value.Length..]);
        name = Digest.Of(HashAlgorithm.Sha256, both[..(value.Length + signed.Algorithm.Size)]);
        return true;
    }

    /// <returns>The index of the key that has made it, or -1: not known.</returns>
    public int Find(in Digest name)
    {
        int slot = SlotOf(in name);
        lock (_lock)
        {
            return name.Bytes.SequenceEqual(_names.AsSpan(slot * NameBytes, NameBytes)) ? _keys[slot] - 1 : -1;
        }
    }

    public void Add(in Digest name, int key)
    {
        int slot = SlotOf(in name);
        lock (_lock)
        {
            name.Bytes.CopyTo(_names.AsSpan(slot * NameBytes));
            _keys[slot] = key + 1;
        }
    }

    static int SlotOf(in Digest name) => (name.Bytes[0] | (name.Bytes[1] << 8)) % Slots;
}
