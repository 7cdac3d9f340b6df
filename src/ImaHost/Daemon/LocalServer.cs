using System.Net.Sockets;

namespace ImaHost.Daemon;

/// <summary>
/// A stream socket in the filesystem that serves a few clients at once, each in a thread of its own: neither one that is
/// slow nor one that wants harm holds up the others for long, or anything else.
/// </summary>
static class LocalServer
{
    const int TimeoutMilliseconds = 500;

    /// <summary>More who ask at once wait for their turn.</summary>
    const int MostAtOnce = 16;

    /// <summary>Serves for as long as the process lives.</summary>
    /// <param name="mode">Who may connect.</param>
    /// <param name="serve">Serves one client, which is closed afterwards. A client that fails is its own affair.</param>
    /// <param name="start">Starts a thread of that name.</param>
    public static void Serve(string path, UnixFileMode mode, Action<Socket> serve, Func<string, Action, Thread> start)
    {
        File.Delete(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, mode);
        listener.Listen(MostAtOnce);
        using var room = new SemaphoreSlim(MostAtOnce);
        for (;;)
        {
            room.Wait();
#pragma warning disable CA2000 // its thread disposes of it
            Socket client = listener.Accept();
#pragma warning restore CA2000
            _ = start("client", () =>
            {
                ServeOne(client, serve);
                _ = room.Release();
            });
        }
    }

    static void ServeOne(Socket client, Action<Socket> serve)
    {
        using Socket _ = client;
        try
        {
            client.ReceiveTimeout = client.SendTimeout = TimeoutMilliseconds;
            serve(client);
        }
        catch (SocketException)
        {
            // It asked and went, or never asked: nobody is left to tell.
        }
    }
}
