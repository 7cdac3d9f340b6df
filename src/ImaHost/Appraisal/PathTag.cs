using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ImaHost.Appraisal;

/// <summary>
/// Eight bytes that stand for a path in the index: the beginning of the SHA-256 of a secret of the index and the path.
/// Nobody who does not know the secret can make up a path that stands for another one.
/// </summary>
sealed class PathTag
{
    public const int SaltBytes = 16;

    /// <summary>PATH_MAX.</summary>
    public const int MostPathBytes = 4096;

    readonly byte[] _salt;

    public PathTag(ReadOnlySpan<byte> salt) => _salt = salt.ToArray();

    public ReadOnlySpan<byte> Salt => _salt;

    /// <summary>Of a path from the root: "./usr/bin/a", "usr/bin/a" and "/usr/bin/a" are the same. Allocates nothing.</summary>
    /// <param name="path">At most <see cref="MostPathBytes"/>; nothing stands for a longer one.</param>
    /// <returns>Never 0, but for a path that is too long.</returns>
    public ulong Of(ReadOnlySpan<byte> path)
    {
        path = path.StartsWith("./"u8) ? path[2..] : path;
        path = path.TrimStart((byte)'/');
        if (path.Length >= MostPathBytes)
        {
            return 0;
        }

        Span<byte> text = stackalloc byte[SaltBytes + 1 + path.Length];
        _salt.CopyTo(text);
        text[SaltBytes] = (byte)'/';
        path.CopyTo(text[(SaltBytes + 1)..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(text, digest);
        return Math.Max(BinaryPrimitives.ReadUInt64LittleEndian(digest), 1);
    }
}
