using System.Net.Sockets;
using System.Text;
using ImaHost.Daemon;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class MetricsServerTests : IDisposable
{
    const int PatienceMilliseconds = 10_000;

    readonly TemporaryDirectory _directory = new();
    readonly MetricsServer _server = new(isOpen => isOpen ? "x 1\n# EOF\n" : "x 1\n", NullLogger.Instance);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.0 200 OK", "x 1\n# EOF\n")]
    [InlineData("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK", "x 1\n# EOF\n")]
    [InlineData("HEAD /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK", "")]
    [InlineData("GET /other HTTP/1.0\r\n\r\n", "HTTP/1.0 404 Not Found", "metrics are at /metrics\n")]
    [InlineData("POST /metrics HTTP/1.0\r\n\r\n", "HTTP/1.0 405 Method Not Allowed", "only GET and HEAD\n")]
    [InlineData("GET /metrics\r\n\r\n", "HTTP/1.0 400 Bad Request", "that is no request\n")]
    [InlineData("\r\n\r\n", "HTTP/1.0 400 Bad Request", "that is no request\n")]
    public void Request_is_answered_as_HTTP_wants(string request, string status, string body)
    {
        string path = Serve();

        string[] answer = Ask(path, request).Split("\r\n\r\n", 2);

        Assert.StartsWith(status + "\r\n", answer[0], StringComparison.Ordinal);
        Assert.Equal(body, answer[1]);
        Assert.Contains($"Content-Length: {(body.Length == 0 ? 10 : body.Length)}\r\n", answer[0] + "\r\n", StringComparison.Ordinal);
        bool isOpen = status.EndsWith("OK", StringComparison.Ordinal);
        Assert.Equal(isOpen, answer[0].Contains("application/openmetrics-text; version=1.0.0", StringComparison.Ordinal));
    }

    [Fact]
    public void Silent_slow_and_endless_clients_keep_nobody_waiting()
    {
        string path = Serve();
        using Socket silent = Connect(path);
        using Socket slow = Connect(path);
        _ = slow.Send("GET /met"u8);
        using Socket endless = Connect(path);
        Thread sends = Threads.Start("endless", () => SendForever(endless));

        Assert.EndsWith("# EOF\n", Ask(path, "GET /metrics HTTP/1.0\r\n\r\n"), StringComparison.Ordinal);
        Assert.True(sends.Join(PatienceMilliseconds));
    }

    [Fact]
    public void File_is_written_whole_and_without_what_the_collector_does_not_know()
    {
        string path = _directory.At("imahost.prom");

        _server.WriteFile(path);

        Assert.Equal("x 1\n", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_directory.Root));
        Assert.True(File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherRead));
    }

    [Fact]
    public void File_is_not_written_through_a_link_that_lies_in_its_way()
    {
        string path = _directory.At("imahost.prom");
        string victim = _directory.Write("victim", "stays");
        _ = File.CreateSymbolicLink(path + ".new", victim);
        _ = File.CreateSymbolicLink(path, victim);

        _server.WriteFile(path);

        Assert.Equal("stays", File.ReadAllText(victim));
        Assert.Equal((null, "x 1\n"), (new FileInfo(path).LinkTarget, File.ReadAllText(path)));
    }

    [Fact]
    public void File_is_written_though_a_FIFO_lies_in_its_way()
    {
        string path = _directory.At("imahost.prom");
        Child.Run("/usr/bin/mkfifo", path + ".new");

        Assert.True(Threads.Start("fifo", () => _server.WriteFile(path)).Join(PatienceMilliseconds));

        Assert.Equal("x 1\n", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_directory.Root));
    }

    [Fact]
    public void Directory_in_the_way_of_the_file_ends_nothing()
    {
        string path = _directory.At("imahost.prom");
        _ = Directory.CreateDirectory(path + ".new");

        _server.WriteFile(path);

        Assert.False(Path.Exists(path));
    }

    [Fact]
    public void File_that_cannot_be_written_ends_nothing() => _server.WriteFile(_directory.At("nowhere", "imahost.prom"));

    string Serve()
    {
        string path = _directory.At("metrics");
        _ = Threads.Start("metrics", () => _server.ServeSocket(path, Threads.Start));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(path) && TryConnect(path), PatienceMilliseconds));
        return path;
    }

    static bool TryConnect(string path)
    {
        try
        {
            using Socket client = Connect(path);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static Socket Connect(string path)
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = PatienceMilliseconds };
        client.Connect(new UnixDomainSocketEndPoint(path));
        return client;
    }

    static void SendForever(Socket client)
    {
        try
        {
            for (;;)
            {
                _ = client.Send(new byte[1 << 16]);
            }
        }
        catch (SocketException)
        {
            // The server has had enough.
        }
    }

    static string Ask(string path, string request)
    {
        using Socket client = Connect(path);
        _ = client.Send(Encoding.ASCII.GetBytes(request));
        var answer = new StringBuilder();
        byte[] buffer = new byte[4096];
        for (int got; (got = client.Receive(buffer)) > 0;)
        {
            _ = answer.Append(Encoding.UTF8.GetString(buffer, 0, got));
        }

        return answer.ToString();
    }
}
