using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;

namespace ImaHost.Measurement;

/// <summary>
/// What is known of one file after it was collected (ima_collect_measurement): its path, its security attributes and
/// its digest. The buffers are used again for the next file. For one thread at a time.
/// </summary>
/// <param name="hashes">Where others may be at the same file; null: nowhere.</param>
sealed class CollectedFile(HashesUnderWay? hashes = null) : IDisposable
{
    /// <summary>XATTR_SIZE_MAX and PATH_MAX of the kernel.</summary>
    const int MaxXattr = 65536;
    const int MaxPath = 4096;

    /// <summary>Room for labels as they are: at each call the kernel clears as much memory as there is room.</summary>
    const int FirstXattr = 1024;

    readonly FileHasher _hasher = new();
    readonly byte[] _path = new byte[MaxPath + 16];
    readonly ProtectedXattrs _xattrs = new();
    byte[] _ima = new byte[FirstXattr];
    byte[] _evm = new byte[FirstXattr];
    byte[] _value = new byte[FirstXattr];
    int _pathLength;
    int _imaLength;
    int _evmLength;
    Digest _digest;
    Digest _sha1;
    Digest _verity;
    Digest _reference;

    /// <summary>The path the file was opened by, without the kernel's " (deleted)".</summary>
    public ReadOnlySpan<byte> Path => _path.AsSpan(0, _pathLength);

    /// <summary>The path is one, and no stand-in.</summary>
    public bool HasPath { get; private set; }

    public SecurityIma SecurityIma => SecurityIma.Parse(_ima.AsSpan(0, Math.Max(_imaLength, 0)));

    /// <summary>Minus the errno when security.ima could not be read; ENODATA is not an error.</summary>
    public int XattrError { get; private set; }

    public ref readonly Digest Digest => ref _digest;

    /// <summary>The digest that reference lists are looked up by; nothing when that was not asked for.</summary>
    public ref readonly Digest Reference => ref _reference;

    /// <summary>The fs-verity digest, where <see cref="HasVerity"/>.</summary>
    public ref readonly Digest Verity => ref _verity;

    public FileStat Stat { get; private set; }

    /// <summary>What its entry is made of.</summary>
    /// <param name="rule">
    /// That asks for the entry. Null: it is a violation; zeros stand for the digest, of the length that ima_hash has, and
    /// security.ima is left out (ima_add_violation).
    /// </param>
    public FieldSource Fields(HashAlgorithm imaHash, ImaRule? rule) => new()
    {
        Digest = rule == null ? Digest.Zero(imaHash) : rule.IsVerity ? _verity : _digest,
        Sha1 = rule == null ? Digest.Zero(HashAlgorithm.Sha1) : rule.IsVerity ? _verity : _sha1,
        IsVerity = rule?.IsVerity == true,
        Name = Path,
        Signature = rule == null ? EvmSignature : SignatureField,
        EvmSignature = EvmSignature,
        HasInode = true,
        Uid = Stat.Uid,
        Gid = Stat.Gid,
        Mode = Stat.Mode,
        Xattrs = _xattrs,
    };

    /// <summary>A signature of security.ima, else a portable one of security.evm.</summary>
    ReadOnlySpan<byte> SignatureField =>
        _imaLength > 0 && _ima[0] is 3 or 6 ? _ima.AsSpan(0, _imaLength) : EvmSignature;

    ReadOnlySpan<byte> EvmSignature =>
        _evmLength > 0 && _evm[0] == (byte)SecurityImaType.PortableSignature ? _evm.AsSpan(0, _evmLength) : default;

    /// <summary>It has the digest that a rule is about. The fs-verity one is not every file's.</summary>
    public bool HasDigestFor(ImaRule rule) => !rule.IsVerity || HasVerity;

    /// <summary>It has an fs-verity digest, and that was asked for.</summary>
    public bool HasVerity { get; private set; }

    /// <summary>Everything but the digest.</summary>
    /// <returns>0, or minus the errno of stat.</returns>
    public int Identify(HeldFile file)
    {
        _pathLength = _imaLength = _evmLength = 0;
        _xattrs.Clear();
        if (!file.TryStat(out FileStat stat, out int error))
        {
            return error;
        }

        Stat = stat;
        ReadPath(file);
        return 0;
    }

    /// <summary>The security attributes and the digests, in the algorithm that security.ima names or else ours.</summary>
    /// <param name="goOn">Asked now and then while a large file is read, with whether that comes on; null: go on.</param>
    /// <param name="isLeased">Nobody can write it until this access is answered.</param>
    /// <returns>0, or minus the errno of the read that failed.</returns>
    public int Collect(HeldFile file, in CollectRequest wanted, Func<bool, bool>? goOn, bool isLeased = false)
    {
        ReadLabels(file, wanted.Xattrs);
        HasVerity = wanted.Verity && ReadVerity(file);
        _digest = _reference = default;
        if (!wanted.Content)
        {
            return 0;
        }

        int error = Hash(file, SecurityIma.Algorithm ?? wanted.ImaHash, isLeased, goOn, out _digest);
        if (error == 0 && wanted.Sha1)
        {
            error = Also(HashAlgorithm.Sha1, file, isLeased, goOn, ref _sha1);
        }

        return error == 0 && wanted.Reference ? Also(wanted.ImaHash, file, isLeased, goOn, ref _reference) : error;
    }

    /// <summary>The digest in one more algorithm, unless it is there already.</summary>
    int Also(HashAlgorithm algorithm, HeldFile file, bool isLeased, Func<bool, bool>? goOn, ref Digest digest)
    {
        if (_digest.Algorithm == algorithm)
        {
            digest = _digest;
            return 0;
        }

        return Hash(file, algorithm, isLeased, goOn, out digest);
    }

    int Hash(HeldFile file, HashAlgorithm algorithm, bool isLeased, Func<bool, bool>? goOn, out Digest digest) =>
        hashes == null
            ? _hasher.Hash(file, Stat.Size, algorithm, goOn, out digest)
            : hashes.Hash(_hasher, file, Stat, algorithm, isLeased, goOn, out digest);

    /// <summary>Of the kinds that fs-verity knows, each has its number of enum hash_algo (ima_get_verity_digest).</summary>
    bool ReadVerity(HeldFile file)
    {
        const ushort sha256 = 1; // FS_VERITY_HASH_ALG_SHA256, include/uapi/linux/fsverity.h
        Span<byte> digest = stackalloc byte[HashAlgorithm.MaxSize];
        int length = file.MeasureVerity(digest, out ushort algorithm);
        _verity = length > 0 ? new Digest(algorithm == sha256 ? HashAlgorithm.Sha256 : HashAlgorithm.Sha512, digest) : default;
        return length > 0;
    }

    public void Dispose() => _hasher.Dispose();

    /// <summary>The security attributes alone.</summary>
    /// <param name="all">Also the others that EVM protects.</param>
    public void ReadLabels(HeldFile file, bool all)
    {
        const int noData = -61;
        _xattrs.Clear();
        if (all)
        {
            ReadProtectedXattrs(file);
        }

        _imaLength = Read(file, "security.ima\0"u8, ref _ima);
        _evmLength = Read(file, "security.evm\0"u8, ref _evm);
        XattrError = _imaLength is >= 0 or noData ? 0 : _imaLength;
    }

    void ReadProtectedXattrs(HeldFile file)
    {
        foreach (byte[] name in ProtectedXattrs.Protected)
        {
            int length = Read(file, name, ref _value);
            if (length >= 0)
            {
                _xattrs.Add(name, _value.AsSpan(0, length));
            }
        }
    }

    /// <returns>Its length, or minus the errno.</returns>
    static int Read(HeldFile file, ReadOnlySpan<byte> name, ref byte[] value)
    {
        const int tooLong = -34; // ERANGE, errno(3)
        int length = file.GetXattr(name, value);
        if (length == tooLong && value.Length < MaxXattr)
        {
            value = new byte[MaxXattr];
            length = file.GetXattr(name, value);
        }

        return length;
    }

    void ReadPath(HeldFile file)
    {
        ReadOnlySpan<byte> deleted = " (deleted)"u8;
        _pathLength = file.ReadPath(_path);
        HasPath = _pathLength > 0;
        if (!HasPath)
        {
            // Longer than a page: the kernel's list has the bare file name then, which a descriptor does not tell.
            var text = string.Create(
                CultureInfo.InvariantCulture, $"[inode {Stat.DeviceMajor}:{Stat.DeviceMinor}:{Stat.Inode}]");
            _pathLength = Encoding.ASCII.GetBytes(text, _path);
        }

        if (Stat.Links == 0 && Path.EndsWith(deleted))
        {
            _pathLength -= deleted.Length;
        }
    }
}
