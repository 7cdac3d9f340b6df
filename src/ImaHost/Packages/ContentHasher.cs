using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>
/// Hashes a content with SHA-256, and in the same pass with the algorithm of a package database. For one thread at a time.
/// </summary>
sealed class ContentHasher : IDisposable
{
    const int ReadSize = 256 * 1024;
    readonly byte[] _buffer = new byte[ReadSize];
    readonly EvpDigest _sha256 = new(HashAlgorithm.Sha256.Name);
    readonly Dictionary<string, EvpDigest> _others = [];

    /// <summary>Hashes what a stream still has.</summary>
    public string Hash(Stream stream)
    {
        _sha256.Reset();
        for (int got; (got = stream.Read(_buffer)) > 0;)
        {
            _sha256.Update(_buffer.AsSpan(0, got));
        }

        return Finish(_sha256);
    }

    /// <summary>Hashes a file from its start.</summary>
    /// <param name="other">OpenSSL's name of the second algorithm: "md5".</param>
    /// <param name="otherDigest">What it gave, hexadecimal.</param>
    /// <returns>0, or minus the errno.</returns>
    public int Hash(HeldFile file, string other, out string sha256, out string otherDigest)
    {
        EvpDigest second = Other(other);
        _sha256.Reset();
        second.Reset();
        sha256 = otherDigest = "";
        int got;
        for (long offset = 0; (got = file.ReadAt(_buffer, offset)) > 0; offset += got)
        {
            _sha256.Update(_buffer.AsSpan(0, got));
            second.Update(_buffer.AsSpan(0, got));
        }

        if (got == 0)
        {
            sha256 = Finish(_sha256);
            otherDigest = Finish(second);
        }

        return got;
    }

    public void Dispose()
    {
        _sha256.Dispose();
        foreach (EvpDigest digest in _others.Values)
        {
            digest.Dispose();
        }
    }

    static string Finish(EvpDigest digest)
    {
        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        digest.Finish(bytes);
        return Convert.ToHexStringLower(bytes[..digest.Size]);
    }

    EvpDigest Other(string name)
    {
        if (!_others.TryGetValue(name, out EvpDigest? digest))
        {
            _others[name] = digest = new EvpDigest(name);
        }

        return digest;
    }
}
