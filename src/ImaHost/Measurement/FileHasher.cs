using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Measurement;

/// <summary>Hashes whole files from their descriptor (ima_calc_file_hash). For one thread at a time.</summary>
/// <param name="progressMilliseconds">How often it is asked whether to go on.</param>
sealed class FileHasher(int progressMilliseconds = 200) : IDisposable
{
    /// <summary>
    /// The kernel reads ahead while this much is hashed. A file that is not in memory so takes a fifth longer than one
    /// that is; to ask for more ahead (posix_fadvise(2), POSIX_FADV_WILLNEED) made it take twice as long.
    /// </summary>
    const int ReadSize = 256 * 1024;

    /// <summary>What <see cref="Hash"/> returns when it was not to go on: minus ECANCELED.</summary>
    public const int Canceled = -125;

    readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(ReadSize, pinned: true);
    readonly DigestSet _digests = new();
    long _read;

    /// <summary>Bytes that were read in all: by this others see that it comes on.</summary>
    public long Read => Volatile.Read(ref _read);

    /// <summary>
    /// Reads as many bytes as the file had at the start, as the kernel does: without a lease it may grow without end
    /// meanwhile. If it shrinks, its digest is that of what could be read.
    /// </summary>
    /// <param name="size">The file's size, bytes.</param>
    /// <param name="goOn">Asked now and then while a large file is read, always with true; null: go on.</param>
    /// <returns>0, or minus the errno of the read that failed; <see cref="Canceled"/> when it was not to go on.</returns>
    public int Hash(HeldFile file, ulong size, HashAlgorithm algorithm, Func<bool, bool>? goOn, out Digest digest)
    {
        EvpDigest context = _digests[algorithm];
        context.Reset();
        long reported = Environment.TickCount64;
        for (long offset = 0; offset < (long)size;)
        {
            int got = file.ReadAt(_buffer.AsSpan(0, (int)Math.Min(ReadSize, (long)size - offset)), offset);
            if (got < 0)
            {
                digest = Digest.Zero(algorithm);
                return got;
            }

            if (got == 0)
            {
                break;
            }

            context.Update(_buffer.AsSpan(0, got));
            offset += got;
            Volatile.Write(ref _read, _read + got);
            if (goOn != null && Environment.TickCount64 - reported >= progressMilliseconds)
            {
                reported = Environment.TickCount64;
                if (!goOn(true))
                {
                    digest = Digest.Zero(algorithm);
                    return Canceled;
                }
            }
        }

        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        context.Finish(bytes);
        digest = new Digest(algorithm, bytes);
        return 0;
    }

    public void Dispose() => _digests.Dispose();
}
