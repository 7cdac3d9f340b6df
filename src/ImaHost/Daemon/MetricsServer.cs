using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Has the metrics read: over HTTP at a socket, one request a connection, and in a file that is written now and then.
/// </summary>
/// <param name="show">The text: as OpenMetrics, or for the textfile collector.</param>
sealed class MetricsServer(Func<bool, string> show, ILogger log)
{
    const int MostRequest = 8192;
    const int MostMilliseconds = 5000;
    const int FileMilliseconds = 15_000;
    const string OpenType = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const string TextType = "text/plain; charset=utf-8";

    string? _said;

    /// <summary>Serves for as long as the process lives. A place that went away is no reason to end the host.</summary>
    public void ServeSocket(string path, Func<string, Action, Thread> start)
    {
        const UnixFileMode all = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead
            | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        try
        {
            LocalServer.Serve(path, all, Serve, start);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            Logging.NoMetrics(log, path, e.Message);
        }
    }

    /// <summary>Writes the file for as long as the process lives.</summary>
    public void WriteFiles(string path)
    {
        for (;;)
        {
            WriteFile(path);
            Thread.Sleep(FileMilliseconds);
        }
    }

    /// <summary>
    /// Whoever reads sees the old file or the new one. The directory may be somebody else's, and what he left under the
    /// new file's name is nothing to write to: a name is given to a file of our own only (O_EXCL, which follows no link).
    /// </summary>
    internal void WriteFile(string path)
    {
        string fresh = path + ".new";
        try
        {
            File.Delete(fresh);
            using (var file = new FileStream(fresh, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(Encoding.UTF8.GetBytes(show(false)));
            }

            File.Move(fresh, path, overwrite: true);
            _said = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_said != e.Message)
            {
                _said = e.Message;
                Logging.NoMetrics(log, path, e.Message);
            }
        }
    }

    void Serve(Socket client)
    {
        string[] request = ReadRequest(client);
        (string status, string type, string body) = request switch
        {
            ["GET" or "HEAD", "/" or "/metrics", _] => ("200 OK", OpenType, show(true)),
            ["GET" or "HEAD", _, _] => ("404 Not Found", TextType, "metrics are at /metrics\n"),
            [_, _, _] => ("405 Method Not Allowed", TextType, "only GET and HEAD\n"),
            _ => ("400 Bad Request", TextType, "that is no request\n"),
        };
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        byte[] head = Encoding.ASCII.GetBytes(
            $"HTTP/1.0 {status}\r\nContent-Type: {type}\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n");
        _ = client.Send(request is ["HEAD", ..] ? head : [.. head, .. bytes]);
        client.Shutdown(SocketShutdown.Send);
    }

    /// <summary>The words of its first line, once all of it is here; fewer than three when it is none.</summary>
    static string[] ReadRequest(Socket client)
    {
        long end = Environment.TickCount64 + MostMilliseconds;
        byte[] request = new byte[MostRequest];
        int got = 0;
        while (got < request.Length && request.AsSpan(0, got).IndexOf("\r\n\r\n"u8) < 0)
        {
            int more = Environment.TickCount64 < end ? client.Receive(request.AsSpan(got)) : 0;
            if (more == 0)
            {
                return [];
            }

            got += more;
        }

        string[] words = Encoding.Latin1.GetString(request, 0, got).Split("\r\n")[0].Split(' ');
        return got == request.Length || words is not [_, _, ['H', 'T', 'T', 'P', '/', ..]] ? [] : words;
    }
}
