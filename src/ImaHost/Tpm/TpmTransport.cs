using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ImaHost.Interop;

namespace ImaHost.Tpm;

/// <summary>Carries one command to a TPM and one response back. For one thread at a time.</summary>
abstract class TpmTransport : IDisposable
{
    /// <summary>What the user calls it: "device:/dev/tpmrm0".</summary>
    public abstract string Name { get; }

    /// <param name="timeout">Milliseconds.</param>
    /// <returns>The bytes of the response.</returns>
    /// <exception cref="TimeoutException">No answer in time. The transport has closed its connection.</exception>
    /// <exception cref="IOException">The TPM is not there. The next call tries to connect again.</exception>
    public abstract int Transmit(ReadOnlySpan<byte> command, Span<byte> response, int timeout);

    /// <summary>Others are shut out as long as we are connected: let go when idle.</summary>
    public virtual bool AdmitsOneUser => true;

    /// <summary>Ends the connection. The next command makes a new one.</summary>
    public abstract void Release();

    public void Dispose() => Release();

    /// <summary>
    /// Understands <c>device:PATH</c>, <c>swtpm:path=SOCKET</c> and <c>swtpm:host=H,port=P</c>, as tpm2-tss writes
    /// them.
    /// </summary>
    /// <exception cref="FormatException">Anything else.</exception>
    public static TpmTransport Parse(string text)
    {
        string[] parts = text.Split(':', 2);
        if (parts is ["device", { Length: > 0 } path])
        {
            return new DeviceTransport(path);
        }

        if (parts is ["swtpm", { Length: > 0 } settings])
        {
            return SocketTransport.Parse(text, settings);
        }

        throw new FormatException(
            $"--tpm does not understand \"{text}\": use device:PATH, swtpm:path=SOCKET, swtpm:host=H,port=P or none");
    }
}

/// <summary>The kernel's TPM device; /dev/tpmrm0 is shared with others by the kernel's resource manager.</summary>
sealed class DeviceTransport(string path) : TpmTransport
{
    CharacterDevice? _device;

    public override string Name => $"device:{path}";

    public override bool AdmitsOneUser => !path.Contains("tpmrm", StringComparison.Ordinal);

    public override int Transmit(ReadOnlySpan<byte> command, Span<byte> response, int timeout)
    {
        try
        {
            _device ??= new CharacterDevice(path);
            _device.Write(command);
            return _device.Read(response, timeout);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            Release();
            throw;
        }
    }

    public override void Release()
    {
        _device?.Dispose();
        _device = null;
    }
}

/// <summary>
/// The command socket of swtpm(8). It serves one connection at a time, so ours is closed as soon as it is idle, and
/// from time to time under load: tpm2-tools waiting in the queue get their turn.
/// </summary>
sealed class SocketTransport(string name, EndPoint address) : TpmTransport
{
    const int MostHoldMilliseconds = 200;
    const int HeaderSize = 10;
    Socket? _socket;
    long _connectedAt;

    public override string Name => name;

    public static SocketTransport Parse(string name, string settings)
    {
        string? path = null;
        string? host = null;
        int port = 0;
        foreach (string setting in settings.Split(','))
        {
            switch (setting.Split('=', 2))
            {
                case ["path", { Length: > 0 } value]:
                    path = value;
                    break;
                case ["host", { Length: > 0 } value]:
                    host = value;
                    break;
                case ["port", var value] when int.TryParse(value, CultureInfo.InvariantCulture, out port):
                    break;
                default:
                    throw new FormatException($"--tpm {name}: \"{setting}\" is not path=, host= or port=NUMBER");
            }
        }

        if (path != null && host == null && port == 0)
        {
            return new SocketTransport(name, new UnixDomainSocketEndPoint(path));
        }

        if (path == null && port is > 0 and <= ushort.MaxValue)
        {
            return new SocketTransport(name, new IPEndPoint(Resolve(name, host ?? "localhost"), port));
        }

        throw new FormatException($"--tpm {name}: give either path=SOCKET or host=H,port=P");
    }

    /// <summary>Once, at the start: a name server must not come between an access and its verdict.</summary>
    static IPAddress Resolve(string name, string host)
    {
        try
        {
            IPAddress[] addresses = Dns.GetHostAddresses(host);
            return addresses.FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
        }
        catch (SocketException e)
        {
            throw new FormatException($"--tpm {name}: {e.Message}", e);
        }
    }

    public override int Transmit(ReadOnlySpan<byte> command, Span<byte> response, int timeout)
    {
        try
        {
            Socket socket = Connect(timeout);
            _ = socket.Send(command);
            int got = Receive(socket, response, HeaderSize);
            int size = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(response[2..]);
            if (size < HeaderSize || size > response.Length)
            {
                throw new IOException($"{name}: a response of {size} bytes");
            }

            return got < size ? got + Receive(socket, response[got..size], size - got) : size;
        }
        catch (SocketException e)
        {
            Release();
            throw e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock or SocketError.TryAgain
                ? new TimeoutException($"{name} did not answer within {timeout} ms", e)
                : new IOException($"{name}: {e.Message}", e);
        }
        catch (IOException)
        {
            Release();
            throw;
        }
    }

    public override void Release()
    {
        _socket?.Dispose();
        _socket = null;
    }

    Socket Connect(int timeout)
    {
        if (_socket != null && Environment.TickCount64 - _connectedAt > MostHoldMilliseconds)
        {
            Release();
        }

        if (_socket == null)
        {
            bool unix = address is UnixDomainSocketEndPoint;
            if (unix && !Path.Exists(address.ToString()))
            {
                throw new IOException($"{name}: there is no such socket");
            }

            _socket = unix
                ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _socket.SendTimeout = timeout;
            _socket.ReceiveTimeout = timeout;
            _socket.Connect(address);
            _connectedAt = Environment.TickCount64;
        }

        return _socket;
    }

    int Receive(Socket socket, Span<byte> into, int least)
    {
        int done = 0;
        while (done < least)
        {
            int got = socket.Receive(into[done..]);
            if (got == 0)
            {
                throw new IOException($"{name} closed the connection");
            }

            done += got;
        }

        return done;
    }
}
