using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Measurement;

/// <summary>The fs-verity digest of a file (ima_get_verity_digest).</summary>
static class FileVerity
{
    /// <summary>Of the kinds that fs-verity knows, each has its number of enum hash_algo.</summary>
    /// <returns>False: it has none, or its filesystem knows no such thing.</returns>
    public static bool TryMeasure(HeldFile file, out Digest digest)
    {
        const ushort sha256 = 1; // FS_VERITY_HASH_ALG_SHA256, include/uapi/linux/fsverity.h
        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        int length = file.MeasureVerity(bytes, out ushort algorithm);
        digest = length > 0 ? new Digest(algorithm == sha256 ? HashAlgorithm.Sha256 : HashAlgorithm.Sha512, bytes) : default;
        return length > 0;
    }
}
