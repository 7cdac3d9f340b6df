using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ImaHost.Crypto;

/// <summary>
/// Reads files of public keys: a certificate in DER, or certificates and public keys in PEM. A certificate is the
/// envelope of a key that somebody trusts by naming its file; who issued it is not asked.
/// </summary>
static class KeyFile
{
    const byte DerSequence = 0x30;

    /// <summary>The keys in it, all or none.</summary>
    /// <exception cref="KeyRefusedException">It has none, or something else, or one that is not taken.</exception>
    public static IReadOnlyList<EnvelopedKey> Parse(byte[] content)
    {
        try
        {
            EnvelopedKey[] keys = content is [DerSequence, ..]
                ? [OfCertificate(content)]
                : [.. ReadPem(Encoding.Latin1.GetString(content))];
            return keys.Length > 0
                ? keys
                : throw new KeyRefusedException("holds neither a certificate (PEM, DER) nor a public key (PEM)");
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            throw new KeyRefusedException($"no key can be read from it: {e.Message}");
        }
    }

    static IEnumerable<EnvelopedKey> ReadPem(string text)
    {
        while (PemEncoding.TryFind(text, out PemFields fields))
        {
            yield return OfPem(text[fields.Label], Convert.FromBase64String(text[fields.Base64Data]));
            text = text[fields.Location.End..];
        }
    }

    static EnvelopedKey OfPem(string label, byte[] data) => label switch
    {
        "CERTIFICATE" => OfCertificate(data),
        "PUBLIC KEY" => EnvelopedKey.Of(PublicKey.CreateFromSubjectPublicKeyInfo(data, out _)),
        _ => throw new KeyRefusedException(
            label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)
                ? "holds a private key: keep that away from this machine, and name the public one here"
                : $"holds \"{label}\"; certificates and public keys are expected"),
    };

    static EnvelopedKey OfCertificate(byte[] data)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(data);
        return EnvelopedKey.Of(certificate.PublicKey, CertificateFacts.Of(certificate));
    }
}
