using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>A question to the running host.</summary>
/// <param name="Line">What is asked.</param>
/// <param name="Data">What came with it.</param>
/// <param name="Uid">Who asks: the user of the process that connected.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Pid">Its number.</param>
sealed record ControlRequest(string Line, byte[] Data, uint Uid, uint Gid = 0, uint Pid = 0);

/// <summary>
/// A socket that answers about the running host: one connection, one question, one text answered. A question is a line
/// "LENGTH QUESTION"; as many bytes of data as that number says follow it.
/// </summary>
static class ControlSocket
{
    const int MostMilliseconds = 5000;
    const int PatienceMilliseconds = 2 * MostMilliseconds;
    const int MaxLine = 4096;

    /// <summary>SOL_SOCKET and SO_PEERCRED, include/uapi/asm-generic/socket.h: struct ucred is pid, uid, gid.</summary>
    const int SocketLevel = 1;
    const int PeerCredentials = 17;

    public static string PathIn(string state) => Path.Combine(state, "control");

    /// <summary>Why no socket can stand at a path that somebody configured; null: one can.</summary>
    public static string? WhyNotAt(string path)
    {
        const int most = 107; // sun_path of unix(7), less its NUL
        const int typeMask = 0xf000;
        const int socket = 0xc000; // S_IFSOCK, inode(7)
        return !Path.IsPathRooted(path) ? "is no absolute path"
            : Encoding.UTF8.GetByteCount(path) > most ? "is too long for a socket"
            : !Directory.Exists(Path.GetDirectoryName(path)) ? "has no directory to stand in"
            : new FileInfo(path).LinkTarget != null ? "is a link"
            : FileStat.TryOfPath(path, out FileStat file) && (file.Mode & typeMask) != socket ? "is something else already"
            : null;
    }

    /// <summary>Answers for as long as the process lives.</summary>
    /// <param name="mode">Who may connect.</param>
    /// <param name="limit">Bytes of data with one question at most.</param>
    /// <param name="refuse">Why that user may ask nothing, or null: a stranger shall not keep the others waiting.</param>
    /// <param name="answer">The text for a question; null when it is not understood. Is asked by several threads.</param>
    /// <param name="start">Starts a thread of that name: one for each client, as some are slow.</param>
    public static void Serve(
        string path, UnixFileMode mode, int limit, Func<uint, string?> refuse, Func<ControlRequest, string?> answer,
        Func<string, Action, Thread> start)
    {
        LocalServer.Serve(path, mode, client => ServeOne(client, limit, refuse, answer), start);
    }

    static void ServeOne(Socket client, int limit, Func<uint, string?> refuse, Func<ControlRequest, string?> answer)
    {
        long end = Environment.TickCount64 + MostMilliseconds;
        if (refuse(PeerOf(client).Uid) is { } refusal)
        {
            Send(client, $"error: {refusal}\n");
        }
        else if (TryReceive(client, limit, end, out ControlRequest? request, out string error))
        {
            Send(client, answer(request) ?? "error: not understood\n");
        }
        else
        {
            Send(client, $"error: {error}\n");
            Drain(client, end);
        }
    }

    /// <summary>Asks the host that keeps its list in <paramref name="state"/>.</summary>
    /// <param name="patience">For how long an answer is waited for, milliseconds.</param>
    /// <exception cref="SocketException">No host is there, or it does not answer in that time.</exception>
    public static string Ask(
        string state, string question, ReadOnlySpan<byte> data = default, int patience = PatienceMilliseconds)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.ReceiveTimeout = socket.SendTimeout = patience;
        socket.Connect(new UnixDomainSocketEndPoint(PathIn(state)));
        string line = string.Create(CultureInfo.InvariantCulture, $"{data.Length} {question}\n");
        _ = socket.Send([.. Encoding.UTF8.GetBytes(line), .. data]);
        socket.Shutdown(SocketShutdown.Send);
        using var answer = new MemoryStream();
        byte[] buffer = new byte[4096];
        for (int got; (got = socket.Receive(buffer)) > 0;)
        {
            answer.Write(buffer, 0, got);
        }

        return Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length);
    }

    /// <summary>Asks, where no host is a mistake of who asks.</summary>
    /// <exception cref="ConfigurationException">No host answers.</exception>
    public static string MustAsk(string state, string question, ReadOnlySpan<byte> data = default)
    {
        try
        {
            return Ask(state, question, data);
        }
        catch (SocketException e)
        {
            bool listens = Path.Exists(PathIn(state)) && e.SocketErrorCode != SocketError.ConnectionRefused;
            string why = listens ? e.Message : "it is not running";
            throw new ConfigurationException($"no host answers at {PathIn(state)}: {why}");
        }
    }

    static bool TryReceive(
        Socket client, int limit, long end,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ControlRequest? request, out string error)
    {
        byte[] head = new byte[MaxLine];
        int got = 0;
        int newline = -1;
        request = null;
        error = "that is not a question";
        while (newline < 0 && got < head.Length && ReceiveSome(client, head.AsSpan(got), end) is > 0 and int more)
        {
            got += more;
            newline = head.AsSpan(0, got).IndexOf((byte)'\n');
        }

        string[] words = Encoding.UTF8.GetString(head, 0, Math.Max(newline, 0)).Split(' ', 2);
        if (words.Length != 2 || !uint.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint length))
        {
            return false;
        }

        if (length > limit)
        {
            error = string.Create(CultureInfo.InvariantCulture, $"{length} bytes of data are more than the limit, {limit}");
            return false;
        }

        byte[] data = new byte[length];
        int done = Math.Min(got - newline - 1, data.Length);
        head.AsSpan(newline + 1, done).CopyTo(data);
        while (done < data.Length && ReceiveSome(client, data.AsSpan(done), end) is > 0 and int more)
        {
            done += more;
        }

        error = "the data end too early";
        (uint pid, uint uid, uint gid) = PeerOf(client);
        request = new ControlRequest(words[1], data, uid, gid, pid);
        return done == data.Length;
    }

    static void Send(Socket client, string text) => _ = client.Send(Encoding.UTF8.GetBytes(text));

    /// <summary>Closed with something unread, the connection is reset, and its answer may never be seen.</summary>
    static void Drain(Socket client, long end)
    {
        client.Shutdown(SocketShutdown.Send);
        byte[] unread = new byte[64 * 1024];
        while (ReceiveSome(client, unread, end) > 0)
        {
        }
    }

    /// <summary>One slow client must not keep the others waiting for long.</summary>
    static int ReceiveSome(Socket client, Span<byte> buffer, long end) =>
        Environment.TickCount64 < end ? client.Receive(buffer) : 0;

    static (uint Pid, uint Uid, uint Gid) PeerOf(Socket client)
    {
        Span<byte> credentials = stackalloc byte[12];
        _ = client.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
        return (BinaryPrimitives.ReadUInt32LittleEndian(credentials), BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..]), BinaryPrimitives.ReadUInt32LittleEndian(credentials[8..]));
    }
}
