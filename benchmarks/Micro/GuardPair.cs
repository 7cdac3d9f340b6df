using System.Net.Sockets;
using System.Runtime.InteropServices;
using ImaHost.Interop;
using Microsoft.Win32.SafeHandles;

namespace ImaHost.Benchmarks;

/// <summary>A host's socket, and the guard's end of it.</summary>
sealed class GuardPair : IDisposable
{
    readonly Socket _guard;
    readonly Socket _host = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
    readonly GuardSocket _sender;
    readonly byte[] _answer = new byte[256];

    /// <param name="path">Of a socket that does not exist yet.</param>
    public GuardPair(string path)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        _host.Connect(new UnixDomainSocketEndPoint(path));
        _guard = listener.Accept();
        _sender = new GuardSocket((int)_guard.Handle);
        Socket = new GuardSocket((int)_host.Handle);
    }

    public GuardSocket Socket { get; }

    /// <summary>Hands out a job about an access of this process, with a lease.</summary>
    public void Send(SafeFileHandle file, GuardAccess access)
    {
        Span<int> job = [(int)GuardMessage.Job, 0, 0, 0, (int)access, (int)GuardJobFacts.Leased, Environment.ProcessId, 0];
        _sender.SendWith(MemoryMarshal.Read<GuardJob>(MemoryMarshal.AsBytes(job)), (int)file.DangerousGetHandle());
    }

    /// <summary>Takes the verdict.</summary>
    public void Await() => _ = _guard.Receive(_answer);

    public void Dispose()
    {
        _guard.Dispose();
        _host.Dispose();
    }
}
