using System.Net.Sockets;
using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>
/// The journal's socket (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram for each entry, or a sealed file in memory for
/// one that no datagram takes. Never waits. For any thread.
/// </summary>
public sealed unsafe class JournalSocket : IDisposable
{
    const int DontWait = 0x40; // MSG_DONTWAIT, include/linux/socket.h
    const int TooLong = 90; // EMSGSIZE, errno(3)
    const int Refused = 111; // ECONNREFUSED: it was made anew

    readonly string _path;
    readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    JournalSocket(string path) => _path = path;

    /// <returns>Null: nobody reads there.</returns>
    public static JournalSocket? TryConnect(string path)
    {
        var journal = new JournalSocket(path);
        if (journal.TryConnect())
        {
            return journal;
        }

        journal.Dispose();
        return null;
    }

    /// <returns>False: it is lost, because the journal does not keep up or is not there.</returns>
    public bool TrySend(ReadOnlySpan<byte> entry)
    {
        int error = Send(entry);
        if (error == Refused && TryConnect())
        {
            error = Send(entry);
        }

        return error == 0 || (error == TooLong && TrySendImage(entry));
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket.Dispose();

    bool TryConnect()
    {
        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(_path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <returns>0, or the errno.</returns>
    int Send(ReadOnlySpan<byte> entry)
    {
        fixed (byte* start = entry)
        {
            nint sent = Libc.send(
                (int)_socket.Handle, start, (nuint)entry.Length, DontWait | Libc.MSG_NOSIGNAL);
            return sent < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
    }

    bool TrySendImage(ReadOnlySpan<byte> entry)
    {
        try
        {
            using SealedImage image = SealedImage.Of(entry);
            return TryPass(image.Descriptor);
        }
        catch (ErrnoException)
        {
            return false;
        }
    }

    bool TryPass(int descriptor)
    {
        var control = new Libc.DescriptorMessage
        {
            cmsg_len = (nuint)(sizeof(Libc.DescriptorMessage) - sizeof(int)),
            cmsg_level = Libc.SOL_SOCKET,
            cmsg_type = Libc.SCM_RIGHTS,
            fd = descriptor,
        };
        var header = new Libc.MessageHeader
        {
            msg_control = &control,
            msg_controllen = (nuint)sizeof(Libc.DescriptorMessage),
        };
        return Libc.sendmsg((int)_socket.Handle, &header, DontWait | Libc.MSG_NOSIGNAL) >= 0;
    }
}
