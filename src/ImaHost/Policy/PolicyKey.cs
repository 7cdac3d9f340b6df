using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace ImaHost.Policy;

/// <summary>A public key that policies may be signed with: RSA or ECDSA.</summary>
/// <param name="File">Where it was read.</param>
/// <param name="Warning">Why somebody should look at it; null: nothing is odd.</param>
sealed record PolicyKey(string File, PublicKey Key, string? Warning = null)
{
    const int MostBytes = 1 << 20;
    const int LeastRsaBits = 2048;
    const int LeastEcBits = 256;
    const byte DerSequence = 0x30;

    /// <summary>The keys in a file: a certificate in DER, or certificates and public keys in PEM.</summary>
    /// <exception cref="PolicyException">It has none, or something else, or a weak one.</exception>
    public static IReadOnlyList<PolicyKey> Read(string file, DateTimeOffset now)
    {
        byte[] content = PolicyFiles.ReadBytes(file, MostBytes);
        try
        {
            PolicyKey[] keys = content is [DerSequence, ..]
                ? [OfCertificate(file, content, now)]
                : [.. ReadPem(file, Encoding.Latin1.GetString(content), now)];
            return keys.Length > 0
                ? keys
                : throw Refused(file, "holds neither a certificate (PEM, DER) nor a public key (PEM)");
        }
        catch (CryptographicException e)
        {
            throw Refused(file, $"no key can be read from it: {e.Message}");
        }
    }

    /// <summary>Has this key made that signature of these digests of the same bytes?</summary>
    public bool Verifies(IEnumerable<(HashAlgorithmName Algorithm, byte[] Digest)> digests, byte[] signature)
    {
        using RSA? rsa = Key.GetRSAPublicKey();
        using ECDsa? ecdsa = rsa == null ? Key.GetECDsaPublicKey() : null;
        return digests.Any(one =>
            rsa?.VerifyHash(one.Digest, signature, one.Algorithm, RSASignaturePadding.Pkcs1)
            ?? ecdsa!.VerifyHash(one.Digest, signature, DSASignatureFormat.Rfc3279DerSequence));
    }

    static IEnumerable<PolicyKey> ReadPem(string file, string text, DateTimeOffset now)
    {
        while (PemEncoding.TryFind(text, out PemFields fields))
        {
            yield return OfPem(file, text[fields.Label], Convert.FromBase64String(text[fields.Base64Data]), now);
            text = text[fields.Location.End..];
        }
    }

    static PolicyKey OfPem(string file, string label, byte[] data, DateTimeOffset now)
    {
        if (label == "CERTIFICATE")
        {
            return OfCertificate(file, data, now);
        }

        if (label == "PUBLIC KEY")
        {
            return Checked(file, PublicKey.CreateFromSubjectPublicKeyInfo(data, out _));
        }

        throw Refused(
            file,
            label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)
                ? "holds a private key: keep that away from this machine, and name the public one here"
                : $"holds \"{label}\"; certificates and public keys are expected");
    }

    /// <summary>
    /// A certificate is the envelope of a key that somebody trusts by naming its file; nothing else in it is relied on.
    /// That its time is over, or not yet come, is told and no reason to refuse it, as for the kernel's keyrings: the
    /// clock of a machine that starts may be wrong, and a machine whose policy is gone the day a certificate ends is
    /// worse off than one that goes on with what was signed while it was valid. Who wants a key no longer removes it.
    /// </summary>
    static PolicyKey OfCertificate(string file, byte[] data, DateTimeOffset now)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(data);
        const X509KeyUsageFlags signs = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.NonRepudiation;
        if (certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage
            && (usage.KeyUsages & signs) == 0)
        {
            throw Refused(file, "its certificate is not one for signatures (keyUsage has no digitalSignature)");
        }

        DateTime start = certificate.NotBefore.ToUniversalTime();
        DateTime end = certificate.NotAfter.ToUniversalTime();
        string? warning =
            now.UtcDateTime > end ? $"{file}: expired on {end:u}"
            : now.UtcDateTime < start ? $"{file}: not valid before {start:u}"
            : null;
        return Checked(file, certificate.PublicKey) with { Warning = warning };
    }

    static PolicyKey Checked(string file, PublicKey key)
    {
        using RSA? rsa = key.GetRSAPublicKey();
        using ECDsa? ecdsa = rsa == null ? key.GetECDsaPublicKey() : null;
        int bits = rsa?.KeySize ?? ecdsa?.KeySize ?? throw Refused(file, "its key is neither of RSA nor of ECDSA");
        int least = rsa != null ? LeastRsaBits : LeastEcBits;
        return bits >= least
            ? new PolicyKey(file, key)
            : throw Refused(file, $"its key has {bits} bits; fewer than {least} are too weak");
    }

    static PolicyException Refused(string file, string why) => new(new PolicyPlace(file), why);
}
