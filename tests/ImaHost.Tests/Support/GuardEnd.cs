using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using ImaHost.Interop;
using ImaHost.Tests.Abi;
using Xunit;

namespace ImaHost.Tests.Support;

/// <summary>The guard, as far as a host sees it: hands out jobs and gets their verdicts.</summary>
sealed class GuardEnd : IDisposable
{
    const int PatienceMilliseconds = 10_000;

    readonly TemporaryDirectory _directory = new();
    readonly Socket _guard;
    readonly Socket _host = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
    readonly GuardSocket _sender;
    readonly byte[] _job = new byte[AbiLayout.Native.Structs["ima_job"]];
    readonly byte[] _answer = new byte[AbiLayout.Native.Structs["ima_verdict"]];

    public GuardEnd()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_directory.At("socket")));
        listener.Listen();
        _host.Connect(new UnixDomainSocketEndPoint(_directory.At("socket")));
        _guard = listener.Accept();
        _guard.ReceiveTimeout = PatienceMilliseconds;
        _sender = new GuardSocket((int)_guard.Handle);
        Socket = new GuardSocket((int)_host.Handle);
    }

    /// <summary>The host's end.</summary>
    public GuardSocket Socket { get; }

    /// <summary>Has this process's access to a file judged.</summary>
    public GuardDecision Ask(SafeHandle file, GuardAccess access, GuardJobFacts facts)
    {
        Put(_job, "type", Constant("IMA_MSG_JOB"));
        Put(_job, "access", (uint)access);
        Put(_job, "flags", (uint)facts);
        Put(_job, "pid", (uint)Environment.ProcessId);
        _sender.SendWith(MemoryMarshal.Read<GuardJob>(_job), (int)file.DangerousGetHandle());
        Assert.Equal(_answer.Length, _guard.Receive(_answer));
        return (GuardDecision)BitConverter.ToUInt32(_answer, AbiLayout.Native.Fields[("ima_verdict", "decision")].Offset);
    }

    /// <summary>Says something without a job.</summary>
    /// <param name="message">As in the header: "STOP".</param>
    public void Say(string message) => _ = _guard.Send(BitConverter.GetBytes(Constant("IMA_MSG_" + message)));

    public void Dispose()
    {
        _guard.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    static uint Constant(string name) => uint.Parse(AbiLayout.Native.Constants[name], CultureInfo.InvariantCulture);

    static void Put(byte[] job, string field, uint value) =>
        BitConverter.GetBytes(value).CopyTo(job, AbiLayout.Native.Fields[("ima_job", field)].Offset);
}
