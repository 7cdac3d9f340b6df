using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImaHost.Crypto;

/// <summary>A file of keys that are not taken, with the reason.</summary>
sealed class KeyRefusedException(string why) : FormatException(why);

/// <summary>What a certificate says of the key in it.</summary>
/// <param name="KeyIdentifier">subjectKeyIdentifier (RFC 5280, 4.2.1.2), or null.</param>
/// <param name="Signed">TBSCertificate: what its issuer signed.</param>
sealed record CertificateFacts(
    string Subject, byte[]? KeyIdentifier, DateTimeOffset NotBefore, DateTimeOffset NotAfter, byte[] Signed)
{
    const X509KeyUsageFlags Signs = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation;

    /// <exception cref="KeyRefusedException">It is one for something else than signatures.</exception>
    public static CertificateFacts Of(X509Certificate2 certificate)
    {
        if (certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage
            && (usage.KeyUsages & Signs) == 0)
        {
            throw new KeyRefusedException(
                "its certificate is not one for signatures (keyUsage has no digitalSignature)");
        }

        return new CertificateFacts(
            certificate.Subject,
            certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault()
                ?.SubjectKeyIdentifierBytes.ToArray(),
            certificate.NotBefore.ToUniversalTime(),
            certificate.NotAfter.ToUniversalTime(),
            new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence().ReadEncodedValue().ToArray());
    }

    /// <summary>What is odd about its time; null: nothing.</summary>
    /// <param name="notice">An end that is nearer than this is odd already.</param>
    public string? TimeProblem(DateTimeOffset now, TimeSpan notice = default) =>
        now > NotAfter ? string.Create(CultureInfo.InvariantCulture, $"expired on {NotAfter:u}")
        : now < NotBefore ? string.Create(CultureInfo.InvariantCulture, $"not valid before {NotBefore:u}")
        : now + notice > NotAfter ? string.Create(CultureInfo.InvariantCulture, $"expires on {NotAfter:u}")
        : null;
}

/// <summary>A public key to verify signatures with, and the certificate it came in, if it came in one.</summary>
/// <param name="Key">Of RSA with 2048 bits at least, or of ECDSA with 256.</param>
sealed record EnvelopedKey(PublicKey Key, int Bits, bool IsRsa, CertificateFacts? Certificate = null)
{
    const int LeastRsaBits = 2048;
    const int LeastEcBits = 256;

    /// <exception cref="KeyRefusedException">It is weak, or of another kind.</exception>
    /// <exception cref="CryptographicException">It is damaged.</exception>
    public static EnvelopedKey Of(PublicKey key, CertificateFacts? certificate = null)
    {
        using RSA? rsa = key.GetRSAPublicKey();
        using ECDsa? ecdsa = rsa == null ? key.GetECDsaPublicKey() : null;
        int bits = rsa?.KeySize ?? ecdsa?.KeySize
            ?? throw new KeyRefusedException("its key is neither of RSA nor of ECDSA");
        int least = rsa != null ? LeastRsaBits : LeastEcBits;
        return bits >= least
            ? new EnvelopedKey(key, bits, rsa != null, certificate)
            : throw new KeyRefusedException($"its key has {bits} bits; fewer than {least} are too weak");
    }

    /// <summary>SHA-1 of the BIT STRING with the key: RFC 5280, 4.2.1.2, method 1; what most put into certificates.</summary>
    public byte[] Fingerprint => Digest.Of(HashAlgorithm.Sha1, Key.EncodedKeyValue.RawData).Bytes.ToArray();
}
