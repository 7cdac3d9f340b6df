using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>The host's end of the guard's SOCK_SEQPACKET pair. All methods may be called from any thread.</summary>
public sealed unsafe class GuardSocket
{
    readonly int _fd;

    /// <summary>Takes over the descriptor the guard handed to this process.</summary>
    public GuardSocket()
        : this(GuardAbi.SocketFd)
    {
    }

    internal GuardSocket(int fd) => _fd = fd;

    /// <summary>
    /// What came of <see cref="SendWatch"/>: its id, and 0 or an errno. Raised within <see cref="Receive"/>.
    /// </summary>
    public event Action<ulong, int>? Watched;

    /// <summary>The BPF programs have refused something, or would have. Raised within <see cref="Receive"/>.</summary>
    public event Action<CodeDenial>? Denied;

    /// <summary>Waits for one message; the kernel gives each to one waiter only.</summary>
    /// <param name="job">The job, when the result is <see cref="GuardMessage.Job"/>.</param>
    /// <param name="file">
    /// Becomes its file, to be closed by the caller; is closed when the kernel could not pass it (no descriptor was
    /// free) or the message has none.
    /// </param>
    /// <exception cref="ErrnoException">The socket failed.</exception>
    public GuardMessage Receive(out GuardJob job, HeldFile file)
    {
        job = default;
        file.Dispose();
        DenialMessage longest = default;
        ref GuardJob received = ref *(GuardJob*)&longest;
        var control = default(Libc.DescriptorMessage);
        var part = new Libc.IoVector { iov_base = &longest, iov_len = (nuint)sizeof(DenialMessage) };
        var message = new Libc.MessageHeader
        {
            msg_iov = &part,
            msg_iovlen = 1,
            msg_control = &control,
            msg_controllen = (nuint)sizeof(Libc.DescriptorMessage),
        };
        nint got;
        do
        {
            got = Libc.recvmsg(_fd, &message, Libc.MSG_CMSG_CLOEXEC);
        }
        while (got < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);

        ErrnoException.ThrowIfNegative(got, "receive from the guard");
        if (got < sizeof(uint))
        {
            return GuardMessage.Closed;
        }

        if (got == sizeof(WatchMessage) && received.Type == (uint)GuardMessage.Watched)
        {
            var watched = *(WatchMessage*)&longest;
            Watched?.Invoke(watched.Id, watched.Error);
            return GuardMessage.Watched;
        }

        if (got == sizeof(DenialMessage) && received.Type == (uint)GuardMessage.Denial)
        {
            Denied?.Invoke(Read(in longest));
            return GuardMessage.Denial;
        }

        if (got != sizeof(GuardJob))
        {
            return (GuardMessage)received.Type;
        }

        job = received;
        if (message.msg_controllen != 0 && control.cmsg_type == Libc.SCM_RIGHTS)
        {
            file.Adopt(control.fd);
        }

        return (GuardMessage)received.Type;
    }

    /// <summary>Ends a job.</summary>
    /// <param name="cache">The verdict holds until the file or the policy changes.</param>
    /// <param name="code">Of <see cref="GuardAccess.Open"/>: it was judged as what may be mapped to be executed.</param>
    /// <param name="policy">The policy it was judged by, as given to <see cref="SendReady"/>.</param>
    public void SendVerdict(in GuardJob job, GuardDecision decision, bool cache, bool code, ulong policy) =>
        Send(new VerdictMessage
        {
            Type = GuardMessage.Verdict,
            Slot = job.Slot,
            Sequence = job.Sequence,
            Decision = decision,
            Flags = (cache ? 1u : 0u) | (code ? 2u : 0u),
            Policy = policy,
        });

    /// <summary>Starts the job's deadline anew: a large file is still being read.</summary>
    public void SendProgress(in GuardJob job) =>
        Send(new VerdictMessage { Type = GuardMessage.Progress, Slot = job.Slot, Sequence = job.Sequence });

    /// <summary>Asks for jobs, or tells of another policy.</summary>
    /// <param name="judgeData">Also opens of files that are not ELF.</param>
    /// <param name="policy">Names the rules in force: on another number the guard drops every cached verdict.</param>
    public void SendReady(bool judgeData, ulong policy) =>
        Send(new ReadyMessage { Type = GuardMessage.Ready, Flags = judgeData ? 1u : 0u, Policy = policy });

    /// <summary>
    /// Asks the guard to mark the filesystem of a mount. Keep the mount open until <see cref="Watched"/> is raised.
    /// </summary>
    /// <param name="id">To be returned with the answer.</param>
    /// <exception cref="ErrnoException">The socket failed.</exception>
    public void SendWatch(MountRoot root, ulong id) =>
        SendWith(new WatchMessage { Type = GuardMessage.Watch, Id = id }, root.Descriptor);

    /// <summary>Orders the guard to stop, which opens the gate.</summary>
    public void SendOpen() => Send(new OrderMessage { Type = GuardMessage.Open });

    /// <summary>Has another host take over, and before it another guard.</summary>
    /// <param name="guard">The guard that is installed now; null: the one that runs stays.</param>
    public void SendRenew(SealedImage? guard)
    {
        var order = new OrderMessage { Type = GuardMessage.Renew };
        if (guard == null)
        {
            Send(order);
        }
        else
        {
            SendWith(order, guard.Descriptor);
        }
    }

    /// <summary>Ends every <see cref="Receive"/> under way with <see cref="GuardMessage.Closed"/>.</summary>
    public void StopReceiving() => _ = Libc.shutdown(_fd, Libc.SHUT_RD);

    static CodeDenial Read(in DenialMessage message) => new(
        message.Hook, message.Cause, message.Denied != 0, message.Pid, message.Uid, Text(message.Name), Text(message.Path),
        message.Inode);

    /// <summary>What follows the NUL is not part of it; what is no UTF-8 is shown as such.</summary>
    static string Text(ReadOnlySpan<byte> bytes) =>
        Encoding.UTF8.GetString(bytes[..(bytes.IndexOf((byte)0) is >= 0 and int end ? end : bytes.Length)]);

    /// <summary>A message that passes a descriptor.</summary>
    internal void SendWith<T>(T message, int descriptor)
        where T : unmanaged
    {
        var control = new Libc.DescriptorMessage
        {
            cmsg_len = (nuint)(sizeof(Libc.DescriptorMessage) - sizeof(int)),
            cmsg_level = Libc.SOL_SOCKET,
            cmsg_type = Libc.SCM_RIGHTS,
            fd = descriptor,
        };
        var part = new Libc.IoVector { iov_base = &message, iov_len = (nuint)sizeof(T) };
        var header = new Libc.MessageHeader
        {
            msg_iov = &part,
            msg_iovlen = 1,
            msg_control = &control,
            msg_controllen = (nuint)sizeof(Libc.DescriptorMessage),
        };
        nint sent;
        do
        {
            sent = Libc.sendmsg(_fd, &header, Libc.MSG_NOSIGNAL);
        }
        while (sent < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);

        ErrnoException.ThrowIfNegative(sent, "send to the guard");
    }

    void Send<T>(T message)
        where T : unmanaged
    {
        nint sent;
        do
        {
            sent = Libc.send(_fd, &message, (nuint)sizeof(T), Libc.MSG_NOSIGNAL);
        }
        while (sent < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);

        ErrnoException.ThrowIfNegative(sent, "send to the guard");
    }
}
