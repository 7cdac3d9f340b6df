using System.Net.Sockets;
using System.Text;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What a service manager hears (sd_notify(3)).</summary>
public sealed class ServiceManagerTests : IDisposable
{
    readonly Socket _manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    readonly string _socket = Path.Combine(Bench.NewDirectory("manager"), "notify");
    readonly List<string> _heard = [];

    public ServiceManagerTests()
    {
        _manager.Bind(new UnixDomainSocketEndPoint(_socket));
        _manager.ReceiveTimeout = 100;
    }

    public void Dispose() => _manager.Dispose();

    [Fact]
    public void Guard_is_ready_once_shows_signs_of_life_and_says_that_it_stops()
    {
        using var volume = new Volume();
        using Daemon daemon = Start(volume, watchdogMilliseconds: 600);
        Shell.Until(() => Hear().Count(said => said == "WATCHDOG=1") >= 3, "signs of life");
        daemon.KillHost();
        Shell.Until(() => daemon.Log.Contains("took over", StringComparison.Ordinal), "another host");
        int before = Hear().Count;
        Shell.Until(() => Hear().Count >= before + 3, "more signs of life");

        Assert.Equal(0, daemon.Stop());

        Assert.Equal("READY=1", Assert.Single(Hear(), said => said.StartsWith("READY", StringComparison.Ordinal)));
        Assert.Equal("STOPPING=1", Assert.Single(_heard, said => said.StartsWith("STOPPING", StringComparison.Ordinal)));
    }

    [Fact]
    public void Guard_that_is_stopped_shows_no_sign_of_life()
    {
        using var volume = new Volume();
        using Daemon daemon = Start(volume, watchdogMilliseconds: 300);
        Shell.Until(() => Hear().Contains("WATCHDOG=1"), "signs of life");
        Shell.Signal("STOP", daemon.GuardPid);
        _ = Hear();
        int before = _heard.Count;

        Thread.Sleep(700);

        Assert.Equal(before, Hear().Count);
        Shell.Signal("CONT", daemon.GuardPid);
        Shell.Until(() => Hear().Count > before, "it goes on");
    }

    [Fact]
    public void Guard_asked_for_none_shows_none()
    {
        using var volume = new Volume();
        using Daemon daemon = Start(volume, watchdogMilliseconds: 0);
        Shell.Must(volume.AddProgram("program"));
        Assert.Equal(0, daemon.Stop());

        Assert.Equal(["READY=1", "STOPPING=1"], Hear());
    }

    Daemon Start(Volume volume, int watchdogMilliseconds)
    {
        string limit = watchdogMilliseconds > 0 ? $"WATCHDOG_USEC={watchdogMilliseconds}000" : "";
        return Daemon.Ready(volume.Path, "--tpm none", program: $"env NOTIFY_SOCKET={_socket} {limit} {Bench.Program}");
    }

    /// <summary>All that was said until now.</summary>
    List<string> Hear()
    {
        byte[] message = new byte[4096];
        try
        {
            for (;;)
            {
                int got = _manager.Receive(message);
                _heard.Add(Encoding.ASCII.GetString(message, 0, got));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return _heard;
        }
    }
}
