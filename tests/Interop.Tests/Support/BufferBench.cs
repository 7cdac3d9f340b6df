namespace ImaHost.InteropTests.Support;

/// <summary>A daemon that takes buffers, also from a service at a socket of its own.</summary>
public sealed class BufferBench : IDisposable
{
    /// <summary>The user id of the service, and one that may not ask.</summary>
    public const int Service = 65533, Stranger = 65534;

    readonly Volume _volume = new();

    public BufferBench()
    {
        Socket = Path.Combine(Bench.NewDirectory("service"), "socket");
        string config = Bench.NewFile(
            "imahost.yaml", $"measure_socket: {Socket}\nmeasure_users: [{Service}]\nmeasure_limit: {Limit}\n");
        Daemon = Daemon.Ready(_volume.Path, $"--tpm {Tpm.Transport} --config {config}");
    }

    /// <summary>Bytes of one buffer at most: the default.</summary>
    public static int Limit => 64 * 1024;

    public Emulator Tpm { get; } = new();

    public Daemon Daemon { get; }

    public string Socket { get; }

    public Outcome Measure(string input, params string[] arguments) =>
        Shell.Feed(input, Bench.Program, ["measure", .. arguments, "--state", Daemon.State]);

    /// <summary>A client of the socket in a process of its own, which may be another user's.</summary>
    /// <param name="python">What it does with s, the connected socket.</param>
    public Running Connect(string python, int user = 0) => Shell.Start(
        "setpriv", $"--reuid={user}", "--clear-groups", "/usr/bin/python3", "-c",
        $"import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.connect('{Socket}')\n{python}");

    /// <summary>Sends bytes as a Python literal and returns the whole answer.</summary>
    public string Ask(string literal, int user = 0)
    {
        using Running client = Connect(
            $"try: s.sendall({literal}); s.shutdown(socket.SHUT_WR)\nexcept OSError: pass # refused unheard\n"
            + "try:\n while True:\n  got = s.recv(4096)\n  print(got.decode(), end='')\n  if not got: break\n"
            + "except ConnectionResetError: pass", user);
        Outcome outcome = client.Wait();
        Assert.True(outcome.Status == 0, outcome.Errors);
        return outcome.Output;
    }

    public void Dispose()
    {
        Daemon.Dispose();
        Tpm.Dispose();
        _volume.Dispose();
    }
}
