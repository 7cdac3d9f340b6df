using System.Security.Cryptography;
using System.Text;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tpm;

/// <summary>The key that a verifier trusts quotes of: with what its TPM says of it, or, from a PEM file, the key alone.</summary>
sealed class QuoteKey : IDisposable
{
    static readonly HashAlgorithm[] Hashes = [HashAlgorithm.Sha256, HashAlgorithm.Sha384, HashAlgorithm.Sha512];

    readonly ECDsa? _ecdsa;
    readonly RSA? _rsa;

    QuoteKey(ECDsa? ecdsa, RSA? rsa, TpmPublic? made)
    {
        _ecdsa = ecdsa;
        _rsa = rsa;
        Public = made;
    }

    /// <summary>Null when it was read from PEM.</summary>
    public TpmPublic? Public { get; }

    /// <summary>SubjectPublicKeyInfo.</summary>
    public byte[] Encoded => _ecdsa?.ExportSubjectPublicKeyInfo() ?? _rsa!.ExportSubjectPublicKeyInfo();

    /// <summary>"ecc 256" or "rsa 2048".</summary>
    public string Kind => _ecdsa != null ? $"ecc {_ecdsa.KeySize}" : $"rsa {_rsa!.KeySize}";

    public string ToPem() => PemEncoding.WriteString("PUBLIC KEY", Encoded) + "\n";

    /// <exception cref="TpmException">Its numbers are no key.</exception>
    public static QuoteKey Of(TpmPublic made, string what)
    {
        try
        {
            return made.Curve is { } curve
                ? new QuoteKey(ECDsa.Create(curve), null, made)
                : new QuoteKey(null, RSA.Create(made.Modulus!.Value), made);
        }
        catch (CryptographicException)
        {
            throw new TpmException($"{what} holds numbers that are no key");
        }
    }

    /// <summary>Reads TPM2B_PUBLIC, or PEM ("BEGIN PUBLIC KEY").</summary>
    /// <param name="what">Its file, for messages.</param>
    /// <exception cref="TpmException">It is neither, or no key that signs quotes.</exception>
    public static QuoteKey Read(ReadOnlySpan<byte> bytes, string what)
    {
        if (bytes.StartsWith("-----BEGIN "u8))
        {
            return ReadPem(Encoding.Latin1.GetString(bytes), what);
        }

        var made = TpmPublic.ParseSized(bytes, what);
        return made.WhyNoAttestationKey is { } why ? throw new TpmException($"{what} {why}") : Of(made, what);
    }

    /// <summary>Is that its signature of the message?</summary>
    /// <param name="why">Why not.</param>
    public bool Verifies(ReadOnlySpan<byte> message, TpmSignature signature, out string why)
    {
        ushort scheme = _ecdsa != null ? TpmPublic.EcDsa : TpmPublic.RsaSsa;
        why = "is no signature of it by that key";
        if (signature.Scheme != scheme || !Hashes.Contains(signature.Hash)
            || (Public != null && Public.Hash != signature.Hash))
        {
            why = "is of another scheme or hash than the key's";
            return false;
        }

        var hash = new HashAlgorithmName(signature.Hash.Name.ToUpperInvariant());
        return _ecdsa != null
            ? TryJoin(signature, (_ecdsa.KeySize + 7) / 8, out byte[] joined)
                && _ecdsa.VerifyData(message, joined, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
            : _rsa!.VerifyData(message, signature.R, hash, RSASignaturePadding.Pkcs1);
    }

    public void Dispose()
    {
        _ecdsa?.Dispose();
        _rsa?.Dispose();
    }

    /// <summary>A TPM may leave out leading zeros of either number.</summary>
    static bool TryJoin(TpmSignature signature, int size, out byte[] joined)
    {
        joined = new byte[2 * size];
        if (signature.R.Length > size || signature.S.Length > size)
        {
            return false;
        }

        signature.R.CopyTo(joined, size - signature.R.Length);
        signature.S.CopyTo(joined, (2 * size) - signature.S.Length);
        return true;
    }

    static QuoteKey ReadPem(string text, string what)
    {
        if (TryImport(ECDsa.Create, text) is { } ecdsa)
        {
            return new QuoteKey(ecdsa, null, null);
        }

        if (TryImport(RSA.Create, text) is { } rsa)
        {
            return rsa.KeySize >= TpmPublic.LeastRsaBits
                ? new QuoteKey(null, rsa, null)
                : throw new TpmException($"{what} has an RSA key of {rsa.KeySize} bits; at least {TpmPublic.LeastRsaBits} are taken");
        }

        throw new TpmException($"{what} is no public key in PEM (ECDSA or RSA)");
    }

    /// <returns>Null, and it is disposed of, when the text is no such key, or on a curve that OpenSSL does not know.</returns>
    static T? TryImport<T>(Func<T> create, string text)
        where T : AsymmetricAlgorithm
    {
        T into = create();
        try
        {
            into.ImportFromPem(text);
            return into;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            into.Dispose();
            return null;
        }
    }
}
