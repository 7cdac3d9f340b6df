using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ImaHost.Crypto;

namespace ImaHost.Policy;

/// <summary>A public key that policies may be signed with: RSA or ECDSA.</summary>
/// <param name="File">Where it was read.</param>
/// <param name="Warning">Why somebody should look at it; null: nothing is odd.</param>
sealed record PolicyKey(string File, PublicKey Key, string? Warning = null)
{
    const int MostBytes = 1 << 20;

    /// <summary>
    /// The keys in a file: a certificate in DER, or certificates and public keys in PEM.
    /// That the time of a certificate is over, or not yet come, is told and no reason to refuse it, as for the kernel's
    /// keyrings: the clock of a machine that starts may be wrong, and a machine whose policy is gone the day a
    /// certificate ends is worse off than one that goes on with what was signed while it was valid. Who wants a key no
    /// longer removes it.
    /// </summary>
    /// <exception cref="PolicyException">It has none, or something else, or a weak one.</exception>
    public static IReadOnlyList<PolicyKey> Read(string file, DateTimeOffset now)
    {
        byte[] content = PolicyFiles.ReadBytes(file, MostBytes);
        try
        {
            return [.. KeyFile.Parse(content).Select(key => new PolicyKey(file, key.Key, Warn(file, key, now)))];
        }
        catch (KeyRefusedException e)
        {
            throw new PolicyException(new PolicyPlace(file), e.Message);
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

    static string? Warn(string file, EnvelopedKey key, DateTimeOffset now) =>
        key.Certificate?.TimeProblem(now) is { } problem ? $"{file}: {problem}" : null;
}
