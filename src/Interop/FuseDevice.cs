using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// The connection of a FUSE mount that outlives this process: the guard holds the descriptor, and the request being
/// answered lies in shared memory, so that the next host finds it there. For one thread.
/// </summary>
/// <remarks>The descriptor must never be cloned (FUSE_DEV_IOC_CLONE): a clone's death aborts its requests.</remarks>
public sealed unsafe class FuseDevice
{
    /// <summary>The longest read request: 256 pages, as the guard negotiated.</summary>
    public const int MaxRead = 1 << 20;

    const int MostTries = 3;
    readonly SharedState _shared;
    readonly byte[] _reply = GC.AllocateUninitializedArray<byte>(sizeof(FuseOutHeader) + MaxRead, pinned: true);

    /// <summary>Takes over the descriptor the guard handed to this process.</summary>
    public FuseDevice(SharedState shared) => _shared = shared;

    /// <summary>Did the guard mount anything?</summary>
    public static bool IsMounted
    {
        get
        {
            Libc.StatxBuffer raw;
            fixed (byte* empty = "\0"u8)
            {
                return Libc.statx(GuardAbi.FuseFd, empty, Libc.AT_EMPTY_PATH, 0, &raw) == 0;
            }
        }
    }

    /// <summary>The request taken by <see cref="Take"/>.</summary>
    public ref readonly FuseInHeader Header => ref MemoryMarshal.AsRef<FuseInHeader>(_shared.FuseRequest);

    /// <summary>What follows its header.</summary>
    public ReadOnlySpan<byte> Body =>
        _shared.FuseRequest[sizeof(FuseInHeader)..(int)Math.Min(Header.Length, (uint)GuardAbi.FuseRequestSize)];

    /// <summary>Room for an answer's data.</summary>
    public Span<byte> ReplyBuffer => _reply.AsSpan(sizeof(FuseOutHeader));

    /// <summary>Waits for a request, or takes up the one an earlier host left.</summary>
    /// <returns>False when the mount is gone.</returns>
    public bool Take()
    {
        if (Pending != 0 && TakeUp())
        {
            return true;
        }

        for (;;)
        {
            fixed (byte* slot = _shared.FuseRequest)
            {
                nint got = Libc.read(GuardAbi.FuseFd, slot, GuardAbi.FuseRequestSize);
                if (got >= sizeof(FuseInHeader))
                {
                    _shared.FuseTries = 1;
                    return true;
                }

                int errno = got < 0 ? Marshal.GetLastPInvokeError() : Libc.EIO;
                if (errno == Libc.ENODEV)
                {
                    return false;
                }

                // ENOENT: its caller was killed before we took it. EINTR, EAGAIN: again.
                if (errno is not (Libc.ENOENT or Libc.EINTR or Libc.EAGAIN))
                {
                    throw new ErrnoException("read /dev/fuse", errno);
                }
            }
        }
    }

    /// <summary>Answers with the first <paramref name="length"/> bytes of <see cref="ReplyBuffer"/>.</summary>
    public void Reply(int length) => Send(0, length);

    /// <summary>Answers with a structure.</summary>
    public void Reply<T>(in T answer)
        where T : unmanaged
    {
        MemoryMarshal.Write(ReplyBuffer, in answer);
        Send(0, sizeof(T));
    }

    /// <summary>Answers with an error.</summary>
    /// <param name="errno">Positive, or 0 for an empty success.</param>
    public void ReplyError(int errno) => Send(-errno, 0);

    /// <summary>Ends a request that has no answer (forget, interrupt).</summary>
    public void Drop() => Volatile.Write(ref Unique, 0);

    ref ulong Unique => ref MemoryMarshal.AsRef<FuseInHeader>(_shared.FuseRequest).Unique;

    ulong Pending => Volatile.Read(ref Unique);

    /// <summary>A request that has cost several hosts their lives gets EIO.</summary>
    bool TakeUp()
    {
        if (++_shared.FuseTries <= MostTries)
        {
            return true;
        }

        ReplyError(Libc.EIO);
        return false;
    }

    void Send(int error, int length)
    {
        var header = new FuseOutHeader
        {
            Length = (uint)(sizeof(FuseOutHeader) + length),
            Error = error,
            Unique = Pending,
        };
        MemoryMarshal.Write(_reply, in header);
        fixed (byte* from = _reply)
        {
            // ENOENT: its caller was killed meanwhile, or an earlier host had answered and died.
            nint wrote = Libc.write(GuardAbi.FuseFd, from, header.Length);
            int errno = wrote < 0 ? Marshal.GetLastPInvokeError() : 0;
            Drop();
            if (errno is not (0 or Libc.ENOENT or Libc.ENODEV))
            {
                throw new ErrnoException("write /dev/fuse", errno);
            }
        }
    }
}
