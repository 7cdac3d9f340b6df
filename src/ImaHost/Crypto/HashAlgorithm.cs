using System.Text;
using ImaHost.Interop;

namespace ImaHost.Crypto;

/// <summary>A hash algorithm under the names that the kernel, the TPM and OpenSSL have for it.</summary>
sealed class HashAlgorithm
{
    public const int MaxSize = 64;
    const ushort NoTpmId = 0;

    public static readonly HashAlgorithm Sha1 = new("sha1", 2, 0x0004, 20);
    public static readonly HashAlgorithm Sha256 = new("sha256", 4, 0x000b, 32);
    public static readonly HashAlgorithm Sha384 = new("sha384", 5, 0x000c, 48);
    public static readonly HashAlgorithm Sha512 = new("sha512", 6, 0x000d, 64);
    public static readonly HashAlgorithm Rmd160 = new("rmd160", 3, NoTpmId, 20);
    public static readonly HashAlgorithm Sha224 = new("sha224", 7, NoTpmId, 28);
    public static readonly HashAlgorithm Sm3 = new("sm3", 17, 0x0012, 32, "sm3_256", "sm3-256");
    public static readonly HashAlgorithm Sha3x256 = new("sha3-256", 20, 0x0027, 32, "sha3_256");
    public static readonly HashAlgorithm Sha3x384 = new("sha3-384", 21, 0x0028, 48, "sha3_384");
    public static readonly HashAlgorithm Sha3x512 = new("sha3-512", 22, 0x0029, 64, "sha3_512");

    // Of enum hash_algo MD4 and MD5 are left out, as collisions are made by anybody, and those that no OpenSSL offers.
    static readonly HashAlgorithm[] Known =
        [Sha1, Sha256, Sha384, Sha512, Sha224, Sm3, Sha3x256, Sha3x384, Sha3x512, Rmd160];

    static readonly HashAlgorithm[] Offered = [.. Known.Where(algorithm => EvpDigest.IsOffered(algorithm.Name))];

    static readonly HashAlgorithm[] OfTpms = [.. Offered.Where(algorithm => algorithm.TpmId != NoTpmId)];

    readonly string[] _aliases;

    /// <param name="aliases">Other names it goes by: those of the TCG, and of older kernels.</param>
    HashAlgorithm(string name, byte kernelId, ushort tpmId, int size, params string[] aliases)
    {
        Name = name;
        Utf8Name = Encoding.ASCII.GetBytes(name);
        KernelId = kernelId;
        TpmId = tpmId;
        Size = size;
        _aliases = aliases;
    }

    /// <summary>Those that OpenSSL offers here: for the contents of files, their labels and signatures.</summary>
    public static IReadOnlyList<HashAlgorithm> All => Offered;

    /// <summary>Those of them that a TPM can have a bank of, and so a list its template digests.</summary>
    public static IReadOnlyList<HashAlgorithm> Banks => OfTpms;

    /// <summary>The highest <see cref="KernelId"/>.</summary>
    public static int MaxKernelId { get; } = Known.Max(algorithm => algorithm.KernelId);

    /// <summary>"sha256": the kernel's hash_algo_name, OpenSSL's name and evmctl's.</summary>
    public string Name { get; }

    public byte[] Utf8Name { get; }

    /// <summary>enum hash_algo, include/uapi/linux/hash_info.h: the byte in security.ima.</summary>
    public byte KernelId { get; }

    /// <summary>TPM_ALG_ID, TPM 2.0 Part 2, section 6.3; 0: no TPM has it.</summary>
    public ushort TpmId { get; }

    /// <summary>Bytes of a digest.</summary>
    public int Size { get; }

    /// <summary>The algorithm of that name in the kernel's lists, or null.</summary>
    public static HashAlgorithm? FromName(ReadOnlySpan<byte> name)
    {
        foreach (HashAlgorithm algorithm in Offered)
        {
            if (name.SequenceEqual(algorithm.Utf8Name))
            {
                return algorithm;
            }
        }

        return null;
    }

    /// <summary>The algorithm of that name, also one of the TCG's ("sm3_256"), or null.</summary>
    public static HashAlgorithm? FromName(string name) =>
        Offered.FirstOrDefault(algorithm => algorithm.Name == name || algorithm._aliases.Contains(name));

    public static HashAlgorithm? FromKernelId(byte id)
    {
        foreach (HashAlgorithm algorithm in Offered)
        {
            if (algorithm.KernelId == id)
            {
                return algorithm;
            }
        }

        return null;
    }

    public static HashAlgorithm? FromTpmId(ushort id) => OfTpms.FirstOrDefault(algorithm => algorithm.TpmId == id);

    /// <summary>The algorithm of the bank of that name, or null.</summary>
    public static HashAlgorithm? FromBankName(string name) =>
        FromName(name) is { TpmId: not NoTpmId } algorithm ? algorithm : null;

    public override string ToString() => Name;
}
