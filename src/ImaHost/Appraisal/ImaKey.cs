using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Appraisal;

/// <summary>A key that signatures in security.ima are verified with. For any thread.</summary>
sealed class ImaKey
{
    const int IdBytes = 4;

    readonly EvpKey _key;

    ImaKey(string file, EnvelopedKey source, byte[] identifier, EvpKey key, bool isRevoked)
    {
        File = file;
        Identifier = identifier;
        IsRevoked = isRevoked;
        PublicKey = source.Key.ExportSubjectPublicKeyInfo();
        Name = source.Certificate?.Subject is { Length: > 0 } subject ? subject : "without a name";
        Algorithm = $"{(source.IsRsa ? "RSA" : "ECDSA")} {source.Bits}";
        NotAfter = source.Certificate?.NotAfter;
        _key = key;
    }

    /// <summary>What a signature names it by: the end of its identifier.</summary>
    public uint Id => BinaryPrimitives.ReadUInt32BigEndian(Identifier.AsSpan(Identifier.Length - IdBytes));

    /// <summary>The certificate's subjectKeyIdentifier; without one the SHA-1 digest of the key, as evmctl has it.</summary>
    public byte[] Identifier { get; }

    /// <summary>Whose it is by its certificate: "CN=release".</summary>
    public string Name { get; }

    /// <summary>Where it was read.</summary>
    public string File { get; }

    /// <summary>"RSA 2048", "ECDSA 256".</summary>
    public string Algorithm { get; }

    /// <summary>The end of its certificate; null: it has none.</summary>
    public DateTimeOffset? NotAfter { get; }

    /// <summary>The blacklist has it, or the certificate it came in.</summary>
    public bool IsRevoked { get; }

    /// <summary>SubjectPublicKeyInfo.</summary>
    public byte[] PublicKey { get; }

    public static ImaKey Of(string file, EnvelopedKey source, Blacklist blacklist)
    {
        byte[] identifier = IdentifierOf(source);
        EvpKey key = EvpKey.Read(source.Key.ExportSubjectPublicKeyInfo())
            ?? throw new KeyRefusedException("OpenSSL does not offer keys like its own");
        return new ImaKey(file, source, identifier, key, blacklist.IsRevokedKey(source));
    }

    /// <summary>As the kernel finds keys (asymmetric_key_id_partial), and where there is nothing to find as evmctl does.</summary>
    /// <exception cref="KeyRefusedException">The certificate names it by so little that no signature could.</exception>
    public static byte[] IdentifierOf(EnvelopedKey source)
    {
        byte[] identifier = source.Certificate?.KeyIdentifier ?? source.Fingerprint;
        return identifier.Length >= IdBytes
            ? identifier
            : throw new KeyRefusedException("the subjectKeyIdentifier of its certificate has fewer than 4 bytes");
    }

    public bool HasExpired(DateTimeOffset now) => now > NotAfter;

    /// <summary>Has it made that signature of that digest?</summary>
    public EvpVerdict Verify(in Digest digest, ReadOnlySpan<byte> signature) =>
        _key.IsRsa || IsForEcdsa(digest.Algorithm)
            ? _key.Verify(digest.Algorithm.Name, digest.Bytes, signature)
            : EvpVerdict.NotOffered;

    /// <summary>Those that the kernel takes from ECDSA (software_key_determine_akcipher).</summary>
    static bool IsForEcdsa(HashAlgorithm algorithm) => algorithm != HashAlgorithm.Rmd160 && algorithm != HashAlgorithm.Sm3;
}
