using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Measurement;

/// <summary>
/// What is known of one file after it was collected (ima_collect_measurement): its path, its security attributes and
/// its digest. The buffers are used again for the next file. For one thread at a time.
/// </summary>
sealed class CollectedFile : IDisposable
{
    /// <summary>XATTR_SIZE_MAX and PATH_MAX of the kernel.</summary>
    const int MaxXattr = 65536;
    const int MaxPath = 4096;

    readonly FileHasher _hasher = new();
    readonly byte[] _path = new byte[MaxPath + 16];
    readonly byte[] _ima = new byte[MaxXattr];
    readonly byte[] _evm = new byte[MaxXattr];
    int _pathLength;
    int _imaLength;
    int _evmLength;
    Digest _digest;

    /// <summary>The path the file was opened by, without the kernel's " (deleted)".</summary>
    public ReadOnlySpan<byte> Path => _path.AsSpan(0, _pathLength);

    public SecurityIma SecurityIma => SecurityIma.Parse(_ima.AsSpan(0, Math.Max(_imaLength, 0)));

    /// <summary>Minus the errno when security.ima could not be read; ENODATA is not an error.</summary>
    public int XattrError { get; private set; }

    public ref readonly Digest Digest => ref _digest;

    public FileStat Stat { get; private set; }

    /// <summary>What the field sig holds: a signature of security.ima, else a portable one of security.evm.</summary>
    public ReadOnlySpan<byte> SignatureField
    {
        get
        {
            if (_imaLength > 0 && _ima[0] is 3 or 6)
            {
                return _ima.AsSpan(0, _imaLength);
            }

            return _evmLength > 0 && _evm[0] == (byte)SecurityImaType.PortableSignature
                ? _evm.AsSpan(0, _evmLength)
                : default;
        }
    }

    /// <summary>Everything but the digest.</summary>
    /// <returns>0, or minus the errno of stat.</returns>
    public int Identify(HeldFile file)
    {
        _pathLength = _imaLength = _evmLength = 0;
        if (!file.TryStat(out FileStat stat, out int error))
        {
            return error;
        }

        Stat = stat;
        ReadPath(file);
        return 0;
    }

    /// <summary>The security attributes and the digest, in the algorithm that security.ima names or else ours.</summary>
    /// <returns>0, or minus the errno of the read that failed.</returns>
    public int Collect(HeldFile file, HashAlgorithm imaHash, Func<bool>? goOn)
    {
        const int noData = -61;
        _imaLength = file.GetXattr("security.ima\0"u8, _ima);
        _evmLength = file.GetXattr("security.evm\0"u8, _evm);
        XattrError = _imaLength is >= 0 or noData ? 0 : _imaLength;
        return _hasher.Hash(file, Stat.Size, SecurityIma.Algorithm ?? imaHash, goOn, out _digest);
    }

    public void Dispose() => _hasher.Dispose();

    void ReadPath(HeldFile file)
    {
        ReadOnlySpan<byte> deleted = " (deleted)"u8;
        _pathLength = file.ReadPath(_path);
        if (_pathLength <= 0)
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
