using System.Buffers.Binary;
using System.Net.Sockets;

namespace ImaHost.Tests.Support;

/// <summary>A socket that answers like swtpm's, by a function from command to response.</summary>
sealed class ScriptedTpm : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    readonly Func<byte[], byte[]> _answer;
    readonly Thread _server;

    public ScriptedTpm(Func<byte[], byte[]> answer)
    {
        _answer = answer;
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.At("tpm")));
        _listener.Listen();
        _server = new Thread(Serve) { IsBackground = true };
        _server.Start();
    }

    public string Name => $"swtpm:path={_directory.At("tpm")}";

    /// <summary>A response without sessions: its header and body.</summary>
    public static byte[] Response(uint code, params byte[] body)
    {
        byte[] response = [0x80, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, .. body];
        BinaryPrimitives.WriteInt32BigEndian(response.AsSpan(2), response.Length);
        BinaryPrimitives.WriteUInt32BigEndian(response.AsSpan(6), code);
        return response;
    }

    /// <summary>A response with a session: handles, the size of the parameters, the parameters, and an empty authorization.</summary>
    public static byte[] WithSession(byte[] handles, byte[] parameters)
    {
        byte[] size = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(size, parameters.Length);
        byte[] response = Response(0, [.. handles, .. size, .. parameters, 0, 0, 1, 0, 0]);
        response[1] = 2; // TPM_ST_SESSIONS
        return response;
    }

    public static uint CodeOf(byte[] command) => BinaryPrimitives.ReadUInt32BigEndian(command.AsSpan(6));

    public void Dispose()
    {
        _listener.Dispose();
        _server.Join();
        _directory.Dispose();
    }

    void Serve()
    {
        try
        {
            for (;;)
            {
                using Socket client = _listener.Accept();
                byte[] command = new byte[4096];
                for (int got; (got = client.Receive(command)) > 0;)
                {
                    _ = client.Send(_answer(command[..got]));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Dispose closed the listener, or the client went away.
        }
    }
}
