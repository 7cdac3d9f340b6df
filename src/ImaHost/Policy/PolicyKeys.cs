using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace ImaHost.Policy;

/// <summary>
/// The keys that files of rules, or lists of reference digests, must be signed with. They are configured outside of the policy, so that no policy says
/// who may sign the next. A signature lies beside its file, as FILE.sig, and is one of its bytes:
/// <c>openssl dgst -sha256 -sign key.pem -out FILE.sig FILE</c>, with RSA (PKCS #1 v1.5) or ECDSA, with SHA-256,
/// SHA-384 or SHA-512. It does not cover the name of the file, nor that it is there.
/// </summary>
sealed class PolicyKeys
{
    const string Suffix = ".sig";
    const string ForPolicies = "policy_keys";
    const int MostSignatureBytes = 16 * 1024;
    const int ChunkBytes = 64 * 1024;

    readonly PolicyKey[] _keys;
    readonly string _setting;

    PolicyKeys(PolicyKey[] keys, string setting)
    {
        _keys = keys;
        _setting = setting;
    }

    /// <summary>What somebody should look at, though the keys are taken: certificates whose time is over.</summary>
    public IReadOnlyList<string> Warnings => [.. _keys.Select(key => key.Warning).OfType<string>()];

    /// <summary>Another number for other keys, whatever files they are in.</summary>
    public ulong Fingerprint
    {
        get
        {
            IEnumerable<string> keys = _keys.Select(key => Convert.ToHexString(key.Key.ExportSubjectPublicKeyInfo()));
            string all = string.Join('\n', keys.Distinct().Order(StringComparer.Ordinal));
            return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(all)));
        }
    }

    /// <param name="files">Each with X.509 certificates (PEM or DER) or public keys (PEM).</param>
    /// <param name="setting">What names them in the configuration.</param>
    /// <exception cref="PolicyException">One cannot be read, or holds a key that is not taken.</exception>
    public static PolicyKeys Load(IReadOnlyList<string> files, string setting = ForPolicies) =>
        Load(files, DateTimeOffset.UtcNow, setting);

    /// <inheritdoc cref="Load(IReadOnlyList{string}, string)"/>
    public static PolicyKeys Load(IReadOnlyList<string> files, DateTimeOffset now, string setting = ForPolicies) =>
        new([.. files.SelectMany(file => PolicyKey.Read(file, now))], setting);

    /// <summary>The path of the signature of a file.</summary>
    public static string SignatureOf(string path) => path + Suffix;

    /// <summary>Lets a file pass that one of the keys has signed.</summary>
    /// <param name="content">Its bytes, as they will be parsed.</param>
    /// <exception cref="PolicyException">It has no signature, or that of somebody else, or of other bytes.</exception>
    public void Require(string path, byte[] content)
    {
        using var stream = new MemoryStream(content, writable: false);
        _ = Require(path, stream);
    }

    /// <summary>As the other one, of a file that need not fit into memory.</summary>
    /// <returns>The SHA-256 of what was verified, by which to tell whether a second reading is of the same bytes.</returns>
    /// <exception cref="PolicyException">It has no signature, or that of somebody else, or of other bytes.</exception>
    public byte[] Require(string path, Stream content)
    {
        byte[] signature = ReadSignature(path);
        (HashAlgorithmName Algorithm, byte[] Digest)[] digests = DigestsOf(content);
        if (!_keys.Any(key => key.Verifies(digests, signature)))
        {
            string any = _keys.Length == 1
                ? "the key"
                : string.Create(CultureInfo.InvariantCulture, $"any of the {_keys.Length} keys");
            throw new PolicyException(
                new PolicyPlace(path),
                $"{SignatureOf(path)} is not a signature of it by {any} in"
                + $" {string.Join(", ", _keys.Select(key => key.File).Distinct())}");
        }

        return digests[0].Digest;
    }

    /// <summary>SHA-256, SHA-384 and SHA-512, in one pass.</summary>
    static (HashAlgorithmName Algorithm, byte[] Digest)[] DigestsOf(Stream content)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var sha384 = IncrementalHash.CreateHash(HashAlgorithmName.SHA384);
        using var sha512 = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        IncrementalHash[] all = [sha256, sha384, sha512];
        byte[] chunk = new byte[ChunkBytes];
        for (int got; (got = content.Read(chunk)) > 0;)
        {
            foreach (IncrementalHash one in all)
            {
                one.AppendData(chunk.AsSpan(0, got));
            }
        }

        return [.. all.Select(one => (one.AlgorithmName, one.GetHashAndReset()))];
    }

    byte[] ReadSignature(string path)
    {
        try
        {
            return PolicyFiles.ReadBytes(SignatureOf(path), MostSignatureBytes);
        }
        catch (PolicyException e)
        {
            throw new PolicyException(
                new PolicyPlace(path), $"needs a signature, for keys are configured ({_setting}): {e.Message}");
        }
    }
}
