using System.Net.Sockets;
using ImaHost.Cli;
using ImaHost.Daemon;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>A socket in a thread of the test, asked by others.</summary>
public sealed class ControlSocketTests : IDisposable
{
    const int Room = 16;
    const int PatienceMilliseconds = 10_000;

    readonly TemporaryDirectory _directory = new();
    readonly ManualResetEventSlim _letGo = new();
    readonly CountdownEvent _slow = new(Room);
    int _most;

    public ControlSocketTests()
    {
        string path = ControlSocket.PathIn(_directory.Root);
        _ = Start("server", () => ControlSocket.Serve(
            path, UnixFileMode.UserRead | UnixFileMode.UserWrite, 100, _ => null, request => Answer(request.Line), Start));
        Assert.True(SpinWait.SpinUntil(CanConnect, PatienceMilliseconds));
    }

    public void Dispose()
    {
        _letGo.Set();
        _directory.Dispose();
    }

    [Fact]
    public void Who_asks_what_takes_long_or_says_nothing_keeps_nobody_waiting()
    {
        using Socket silent = Connect();
        for (int i = 1; i < Room - 1; i++)
        {
            _ = Start("slow", () => _ = Ask("slow"));
        }

        Assert.True(SpinWait.SpinUntil(() => _slow.CurrentCount == 2, PatienceMilliseconds));
        Assert.Equal("quick", Ask("quick"));
        Assert.False(_letGo.IsSet);
    }

    [Fact]
    public void No_more_are_served_at_once_than_there_is_room_for()
    {
        for (int i = 0; i < Room; i++)
        {
            _ = Start("slow", () => _ = Ask("slow"));
        }

        Assert.True(_slow.Wait(PatienceMilliseconds, TestContext.Current.CancellationToken));
        using var answered = new ManualResetEventSlim();
        Thread more = Start("more", () =>
        {
            Assert.Equal("quick", Ask("quick"));
            answered.Set();
        });
        Assert.False(answered.Wait(200, TestContext.Current.CancellationToken));
        _letGo.Set();
        Assert.True(answered.Wait(PatienceMilliseconds, TestContext.Current.CancellationToken));
        more.Join();
        Assert.Equal(Room, _most);
    }

    [Fact]
    public void Who_waits_for_the_lists_to_be_loaded_is_told_when_it_takes_too_long()
    {
        Assert.Contains(
            "has not loaded the lists within 0.2 s", PackageHookCommand.Load(_directory.Root, patience: 200),
            StringComparison.Ordinal);
        _letGo.Set();
        Assert.Null(PackageHookCommand.Load(_directory.Root));
    }

    string Ask(string question) => ControlSocket.Ask(_directory.Root, question);

    string Answer(string line)
    {
        if (line is "slow" or VoucherLoader.Request)
        {
            _most = Math.Max(_most, Room - _slow.CurrentCount + 1);
            _ = _slow.Signal();
            _letGo.Wait(TestContext.Current.CancellationToken);
        }

        return line;
    }

    Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(ControlSocket.PathIn(_directory.Root)));
        return socket;
    }

    bool CanConnect()
    {
        try
        {
            return Ask("there") == "there";
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static Thread Start(string name, Action run)
    {
        var thread = new Thread(() => run()) { Name = name, IsBackground = true };
        thread.Start();
        return thread;
    }
}
