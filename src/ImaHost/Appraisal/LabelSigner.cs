using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>A private key cannot be used to sign labels: why, with its file where that is at fault.</summary>
sealed class SignerException(string message) : Exception(message);

/// <summary>
/// Makes the signatures that <c>evmctl ima_sign</c> makes, with a private key in PEM or in a token. For any thread.
/// </summary>
sealed class LabelSigner : IDisposable
{
    const int MostKeyBytes = 1 << 20;
    const string TokenScheme = "pkcs11:";

    /// <summary>Room for any signature with its header: RSA with 16384 bits has the longest.</summary>
    public const int MostBytes = SecurityIma.SignatureHeader + 2048;

    readonly EvpKey _key;

    LabelSigner(EvpKey key, uint keyId)
    {
        _key = key;
        KeyId = keyId;
    }

    /// <summary>What its signatures name the key by.</summary>
    public uint KeyId { get; }

    /// <summary>Opens a key.</summary>
    /// <param name="key">A PEM file, or a "pkcs11:" URI.</param>
    /// <param name="passphraseFile">Its first line unlocks the key, or is the token's PIN; null: nothing locks it.</param>
    /// <param name="certificate">
    /// The file of the key's certificate, whose subjectKeyIdentifier signatures name; null: they name the key by its
    /// SHA-1, which is the same for most certificates.
    /// </param>
    /// <exception cref="SignerException">One of them cannot be used.</exception>
    public static LabelSigner Open(string key, string? passphraseFile, string? certificate)
    {
        byte[] passphrase = passphraseFile == null ? [] : ReadPassphrase(passphraseFile);
        try
        {
            EvpKey opened = key.StartsWith(TokenScheme, StringComparison.Ordinal)
                ? EvpPrivateKey.FromUri(key, passphrase)
                : EvpPrivateKey.FromPem(Read(key), passphrase);
            EnvelopedKey half = PublicHalf(key, opened, certificate);
            byte[] identifier = ImaKey.IdentifierOf(half);
            return new LabelSigner(opened, BinaryPrimitives.ReadUInt32BigEndian(identifier.AsSpan(identifier.Length - 4)));
        }
        catch (CryptographicException e)
        {
            throw new SignerException($"{(key.StartsWith(TokenScheme, StringComparison.Ordinal) ? "" : $"{key}: ")}{e.Message}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(passphrase);
        }
    }

    /// <summary>Signs the digest of a file.</summary>
    /// <param name="into"><see cref="MostBytes"/> are enough.</param>
    /// <returns>Bytes of security.ima.</returns>
    /// <exception cref="SignerException">OpenSSL or the token refuses.</exception>
    public int Sign(in Digest digest, Span<byte> into) => Write(SecurityImaType.Signature, in digest, into);

    /// <summary>Signs an fs-verity digest, for rules with appraise_type=sigv3.</summary>
    /// <inheritdoc cref="Sign"/>
    public int SignVerity(in Digest verity, Span<byte> into) =>
        Write(SecurityImaType.VeritySignature, FileId.Of(in verity), into);

    public void Dispose() => _key.Dispose();

    int Write(SecurityImaType type, in Digest signed, Span<byte> into)
    {
        try
        {
            int length = _key.Sign(signed.Algorithm.Name, signed.Bytes, into[SecurityIma.SignatureHeader..]);
            SecurityIma.WriteHeader(type, signed.Algorithm, KeyId, length, into);
            return SecurityIma.SignatureHeader + length;
        }
        catch (CryptographicException e)
        {
            throw new SignerException(e.Message);
        }
    }

    static EnvelopedKey PublicHalf(string name, EvpKey key, string? certificate)
    {
        byte[] own = key.ExportPublicKey();
        string file = certificate ?? name;
        try
        {
            EnvelopedKey half = certificate == null
                ? EnvelopedKey.Of(PublicKey.CreateFromSubjectPublicKeyInfo(own, out _))
                : KeyFile.Parse(Read(certificate))[0];
            return own.Length == 0 || own.AsSpan().SequenceEqual(half.Key.ExportSubjectPublicKeyInfo())
                ? half
                : throw new SignerException($"{certificate} is not the certificate of the key {name}");
        }
        catch (Exception e) when (e is KeyRefusedException or CryptographicException)
        {
            throw new SignerException($"{file}: {e.Message}");
        }
    }

    static byte[] ReadPassphrase(string file)
    {
        byte[] content = Read(file);
        int end = content.AsSpan().IndexOfAny((byte)'\n', (byte)'\r');
        byte[] passphrase = content[..(end < 0 ? content.Length : end)];
        CryptographicOperations.ZeroMemory(content);
        return passphrase;
    }

    static byte[] Read(string file)
    {
        try
        {
            return PolicyFiles.ReadBytes(file, MostKeyBytes);
        }
        catch (PolicyException e)
        {
            throw new SignerException(e.Message);
        }
    }
}
