using System.Globalization;
using System.Security.Cryptography;

namespace ImaHost.Policy;

/// <summary>
/// The keys that files of rules must be signed with. They are configured outside of the policy, so that no policy says
/// who may sign the next. A signature lies beside its file, as FILE.sig, and is one of its bytes:
/// <c>openssl dgst -sha256 -sign key.pem -out FILE.sig FILE</c>, with RSA (PKCS #1 v1.5) or ECDSA, with SHA-256,
/// SHA-384 or SHA-512. It does not cover the name of the file, nor that it is there.
/// </summary>
sealed class PolicyKeys
{
    const string Suffix = ".sig";
    const int MostSignatureBytes = 16 * 1024;

    readonly PolicyKey[] _keys;

    PolicyKeys(PolicyKey[] keys) => _keys = keys;

    /// <summary>What somebody should look at, though the keys are taken: certificates whose time is over.</summary>
    public IReadOnlyList<string> Warnings => [.. _keys.Select(key => key.Warning).OfType<string>()];

    /// <param name="files">Each with X.509 certificates (PEM or DER) or public keys (PEM).</param>
    /// <exception cref="PolicyException">One cannot be read, or holds a key that is not taken.</exception>
    public static PolicyKeys Load(IReadOnlyList<string> files) => Load(files, DateTimeOffset.UtcNow);

    /// <inheritdoc cref="Load(IReadOnlyList{string})"/>
    public static PolicyKeys Load(IReadOnlyList<string> files, DateTimeOffset now) =>
        new([.. files.SelectMany(file => PolicyKey.Read(file, now))]);

    /// <summary>Lets a file pass that one of the keys has signed.</summary>
    /// <param name="content">Its bytes, as they will be parsed.</param>
    /// <exception cref="PolicyException">It has no signature, or that of somebody else, or of other bytes.</exception>
    public void Require(string path, byte[] content)
    {
        byte[] signature = ReadSignature(path);
        (HashAlgorithmName, byte[])[] digests =
        [
            (HashAlgorithmName.SHA256, SHA256.HashData(content)),
            (HashAlgorithmName.SHA384, SHA384.HashData(content)),
            (HashAlgorithmName.SHA512, SHA512.HashData(content)),
        ];
        if (!_keys.Any(key => key.Verifies(digests, signature)))
        {
            string any = _keys.Length == 1
                ? "the key"
                : string.Create(CultureInfo.InvariantCulture, $"any of the {_keys.Length} keys");
            throw new PolicyException(
                new PolicyPlace(path),
                $"{path}{Suffix} is not a signature of it by {any} in"
                + $" {string.Join(", ", _keys.Select(key => key.File).Distinct())}");
        }
    }

    static byte[] ReadSignature(string path)
    {
        try
        {
            return PolicyFiles.ReadBytes(path + Suffix, MostSignatureBytes);
        }
        catch (PolicyException e)
        {
            throw new PolicyException(
                new PolicyPlace(path), $"needs a signature, for keys are configured (policy_keys): {e.Message}");
        }
    }
}
