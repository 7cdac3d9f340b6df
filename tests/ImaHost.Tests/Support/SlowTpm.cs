using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>A real TPM's emulator (swtpm) as slow as a chip: each command waits before it is handed on.</summary>
sealed class SlowTpm : IDisposable
{
    public const uint CreatePrimary = 0x131;
    public const uint PcrRead = 0x17e;
    public const uint Quote = 0x158;

    readonly TemporaryDirectory _directory = new();
    readonly Process _process;
    readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    readonly ScriptedTpm _front;
    readonly Func<uint, int> _delay;
    readonly List<uint> _sent = [];

    /// <param name="delay">Milliseconds, for a command code.</param>
    public SlowTpm(Func<uint, int> delay)
    {
        _delay = delay;
        string path = _directory.At("swtpm");
        _process = Process.Start(
            "swtpm",
            [
                "socket", "--tpm2", "--tpmstate", $"dir={_directory.Root}", "--server", $"type=unixio,path={path}",
                "--ctrl", $"type=unixio,path={path}.ctrl", "--flags", "not-need-init,startup-clear",
            ]);
        Assert.True(SpinWait.SpinUntil(() => TryConnect(path), 10_000), "swtpm did not start");
        _front = new ScriptedTpm(Answer);
    }

    public string Name => _front.Name;

    /// <summary>The codes of all commands so far.</summary>
    public uint[] Sent
    {
        get
        {
            lock (_sent)
            {
                return [.. _sent];
            }
        }
    }

    public void Dispose()
    {
        _front.Dispose();
        _socket.Dispose();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _directory.Dispose();
    }

    bool TryConnect(string path)
    {
        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            Thread.Sleep(20);
            return false;
        }
    }

    byte[] Answer(byte[] command)
    {
        uint code = ScriptedTpm.CodeOf(command);
        lock (_sent)
        {
            _sent.Add(code);
        }

        Thread.Sleep(_delay(code));
        _ = _socket.Send(command);
        byte[] response = new byte[4096];
        int got = 0;
        while (got < 6 || got < BinaryPrimitives.ReadInt32BigEndian(response.AsSpan(2)))
        {
            got += _socket.Receive(response.AsSpan(got));
        }

        return response[..got];
    }
}
