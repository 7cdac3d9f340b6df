namespace ImaHost.Crypto;

/// <summary>A hash algorithm under the names that the kernel, the TPM and OpenSSL have for it.</summary>
sealed class HashAlgorithm
{
    public const int MaxSize = 64;

    public static readonly HashAlgorithm Sha1 = new("sha1", 2, 0x0004, 20);
    public static readonly HashAlgorithm Sha256 = new("sha256", 4, 0x000b, 32);
    public static readonly HashAlgorithm Sha384 = new("sha384", 5, 0x000c, 48);
    public static readonly HashAlgorithm Sha512 = new("sha512", 6, 0x000d, 64);

    public static readonly IReadOnlyList<HashAlgorithm> All = [Sha1, Sha256, Sha384, Sha512];

    HashAlgorithm(string name, byte kernelId, ushort tpmId, int size)
    {
        Name = name;
        Utf8Name = System.Text.Encoding.ASCII.GetBytes(name);
        KernelId = kernelId;
        TpmId = tpmId;
        Size = size;
    }

    /// <summary>"sha256": the kernel's hash_algo_name, OpenSSL's name and evmctl's.</summary>
    public string Name { get; }

    public byte[] Utf8Name { get; }

    /// <summary>enum hash_algo, include/uapi/linux/hash_info.h: the byte in security.ima.</summary>
    public byte KernelId { get; }

    /// <summary>TPM_ALG_ID, TPM 2.0 Part 2, section 6.3.</summary>
    public ushort TpmId { get; }

    /// <summary>Bytes of a digest.</summary>
    public int Size { get; }

    public static HashAlgorithm? FromName(ReadOnlySpan<byte> name)
    {
        foreach (HashAlgorithm algorithm in All)
        {
            if (name.SequenceEqual(algorithm.Utf8Name))
            {
                return algorithm;
            }
        }

        return null;
    }

    public static HashAlgorithm? FromName(string name) => All.FirstOrDefault(algorithm => algorithm.Name == name);

    public static HashAlgorithm? FromKernelId(byte id)
    {
        foreach (HashAlgorithm algorithm in All)
        {
            if (algorithm.KernelId == id)
            {
                return algorithm;
            }
        }

        return null;
    }

    public static HashAlgorithm? FromTpmId(ushort id) => All.FirstOrDefault(algorithm => algorithm.TpmId == id);

    public override string ToString() => Name;
}
