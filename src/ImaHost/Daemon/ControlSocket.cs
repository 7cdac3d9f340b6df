using System.Net.Sockets;
using System.Text;

namespace ImaHost.Daemon;

/// <summary>
/// A socket in the state directory that answers questions about the running host: one connection, one line asked, one
/// text answered.
/// </summary>
static class ControlSocket
{
    const int TimeoutMilliseconds = 500;

    public static string PathIn(string state) => Path.Combine(state, "control");

    /// <summary>Answers for as long as the process lives.</summary>
    /// <param name="answer">The text for a question; null when it is not understood.</param>
    public static void Serve(string state, Func<string, string?> answer)
    {
        string path = PathIn(state);
        File.Delete(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen(16);
        for (;;)
        {
            using Socket client = listener.Accept();
            try
            {
                client.ReceiveTimeout = client.SendTimeout = TimeoutMilliseconds;
                byte[] question = new byte[256];
                int length = client.Receive(question);
                string text = Encoding.UTF8.GetString(question, 0, length).TrimEnd('\n');
                _ = client.Send(Encoding.UTF8.GetBytes(answer(text) ?? "error: not understood\n"));
            }
            catch (SocketException)
            {
                // It asked and went, or never asked: nobody is left to tell.
            }
        }
    }

    /// <summary>Asks the host that keeps its list in <paramref name="state"/>.</summary>
    /// <exception cref="SocketException">No host is there.</exception>
    public static string Ask(string state, string question)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.ReceiveTimeout = socket.SendTimeout = 10 * TimeoutMilliseconds;
        socket.Connect(new UnixDomainSocketEndPoint(PathIn(state)));
        _ = socket.Send(Encoding.UTF8.GetBytes(question + "\n"));
        socket.Shutdown(SocketShutdown.Send);
        using var answer = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int got; (got = socket.Receive(buffer)) > 0;)
        {
            answer.Write(buffer, 0, got);
        }

        return Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length);
    }
}
