using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Abi;

/// <summary>The bytes that pass between guard and host, by the offsets of the C header.</summary>
public sealed class GuardSocketTests : IDisposable
{
    const ulong Sequence = 0x1122334455667788;
    const ulong Policy = 0x99aabbccddeeff01;

    readonly TemporaryDirectory _directory = new();
    readonly Socket _guard;
    readonly Socket _host = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
    readonly GuardSocket _socket;

    public GuardSocketTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_directory.At("socket")));
        listener.Listen();
        _host.Connect(new UnixDomainSocketEndPoint(_directory.At("socket")));
        _guard = listener.Accept();
        _socket = new GuardSocket((int)_host.Handle);
    }

    public void Dispose()
    {
        _guard.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Job_is_received_field_by_field()
    {
        GuardJob job = ReceiveJob();
        Assert.Equal(0x01020304u, job.Slot);
        Assert.Equal(Sequence, job.Sequence);
        Assert.Equal(GuardAccess.Data, job.Access);
        Assert.Equal(GuardJobFacts.Writer | GuardJobFacts.Resent, job.Facts);
        Assert.Equal(-5, job.Pid);
    }

    [Theory]
    [InlineData(GuardDecision.Allow, true, false)]
    [InlineData(GuardDecision.Allow, true, true)]
    [InlineData(GuardDecision.Allow, false, true)]
    [InlineData(GuardDecision.Deny, false, false)]
    [InlineData(GuardDecision.Busy, false, false)]
    public void Verdict_is_sent_field_by_field(GuardDecision decision, bool cache, bool code)
    {
        GuardJob job = ReceiveJob();
        _socket.SendVerdict(in job, decision, cache, code, Policy);
        byte[] message = ReceiveFromHost("ima_verdict");
        Assert.Equal(Constant("IMA_MSG_VERDICT"), Take(message, "ima_verdict", "type"));
        Assert.Equal(0x01020304u, Take(message, "ima_verdict", "slot"));
        Assert.Equal(Sequence, Take(message, "ima_verdict", "sequence"));
        Assert.Equal((ulong)decision, Take(message, "ima_verdict", "decision"));
        ulong flags = (cache ? Constant("IMA_VERDICT_CACHE") : 0) | (code ? Constant("IMA_VERDICT_CODE") : 0);
        Assert.Equal(flags, Take(message, "ima_verdict", "flags"));
        Assert.Equal(Policy, Take(message, "ima_verdict", "policy"));
    }

    [Fact]
    public void Progress_is_a_verdict_without_a_decision()
    {
        GuardJob job = ReceiveJob();
        _socket.SendProgress(in job);
        byte[] message = ReceiveFromHost("ima_verdict");
        Assert.Equal(Constant("IMA_MSG_PROGRESS"), Take(message, "ima_verdict", "type"));
        Assert.Equal(0x01020304u, Take(message, "ima_verdict", "slot"));
        Assert.Equal(Sequence, Take(message, "ima_verdict", "sequence"));
        Assert.Equal(0ul, Take(message, "ima_verdict", "decision"));
        Assert.Equal(0ul, Take(message, "ima_verdict", "flags"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ready_is_sent_field_by_field(bool judgeData)
    {
        _socket.SendReady(judgeData, Policy);
        byte[] message = ReceiveFromHost("ima_ready");
        Assert.Equal(Constant("IMA_MSG_READY"), Take(message, "ima_ready", "type"));
        Assert.Equal(judgeData ? Constant("IMA_READY_JUDGE_DATA") : 0, Take(message, "ima_ready", "flags"));
        Assert.Equal(Policy, Take(message, "ima_ready", "policy"));
    }

    [Fact]
    public void Watch_carries_the_root_of_a_mount()
    {
        using MountRoot root = MountRoot.Hold("/proc\0"u8, out _)!;
        Assert.Equal(0, root.Open());
        _socket.SendWatch(root, Sequence);
        byte[] message = ReceiveFromHost("ima_watch");
        Assert.Equal(Constant("IMA_MSG_WATCH"), Take(message, "ima_watch", "type"));
        Assert.Equal(0ul, Take(message, "ima_watch", "error"));
        Assert.Equal(Sequence, Take(message, "ima_watch", "id"));
    }

    [Fact]
    public void Denial_is_told_field_by_field()
    {
        var told = new List<CodeDenial>();
        _socket.Denied += told.Add;
        byte[] message = new byte[AbiLayout.Native.Structs["ima_denial"]];
        Put(message, "type", Constant("IMA_MSG_DENIAL"), "ima_denial");
        Put(message, "hook", (ulong)CodeHook.Mprotect, "ima_denial");
        Put(message, "cause", (ulong)CodeCause.Fileless, "ima_denial");
        Put(message, "denied", 1, "ima_denial");
        Put(message, "pid", 4711, "ima_denial");
        Put(message, "uid", 1000, "ima_denial");
        Put(message, "inode", 12, "ima_denial");
        "a task of fifteen"u8[..16].CopyTo(message.AsSpan(AbiLayout.Native.Fields[("ima_denial", "name")].Offset));
        "/srv/päth\0rest"u8.CopyTo(message.AsSpan(AbiLayout.Native.Fields[("ima_denial", "path")].Offset));
        _ = _guard.Send(message);
        using var file = new HeldFile();
        Assert.Equal(GuardMessage.Denial, _socket.Receive(out _, file));
        Assert.False(file.IsOpen);
        Assert.Equal(
            [new CodeDenial(CodeHook.Mprotect, CodeCause.Fileless, true, 4711, 1000, "a task of fiftee", "/srv/päth", Inode: 12)], told);
    }

    [Fact]
    public void Answer_to_a_watch_is_told()
    {
        var told = new List<(ulong, int)>();
        _socket.Watched += (id, error) => told.Add((id, error));
        byte[] message = new byte[AbiLayout.Native.Structs["ima_watch"]];
        Put(message, "type", Constant("IMA_MSG_WATCHED"), "ima_watch");
        Put(message, "error", 22, "ima_watch");
        Put(message, "id", Sequence, "ima_watch");
        _ = _guard.Send(message);
        Assert.Equal(GuardMessage.Watched, Receive(out _));
        Assert.Equal([(Sequence, 22)], told);
    }

    [Theory]
    [InlineData("IMA_MSG_STOP", GuardMessage.Stop)]
    [InlineData("IMA_MSG_RELOAD", GuardMessage.Reload)]
    public void Word_without_a_job_is_received_as_what_it_is(string type, GuardMessage expected)
    {
        _ = _guard.Send(BitConverter.GetBytes((uint)Constant(type)));
        Assert.Equal(expected, Receive(out _));
    }

    [Fact]
    public void Guard_that_hung_up_is_noticed()
    {
        _guard.Close();
        Assert.Equal(GuardMessage.Closed, Receive(out _));
    }

    [Fact]
    public async Task StopReceiving_ends_a_wait_under_way()
    {
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        Task<GuardMessage> waiting = Task.Run(() => Receive(out _), cancelled);
        _socket.StopReceiving();
        Assert.Equal(GuardMessage.Closed, await waiting.WaitAsync(TimeSpan.FromSeconds(5), cancelled));
    }

    GuardJob ReceiveJob()
    {
        byte[] job = new byte[AbiLayout.Native.Structs["ima_job"]];
        Put(job, "type", Constant("IMA_MSG_JOB"));
        Put(job, "slot", 0x01020304);
        Put(job, "sequence", Sequence);
        Put(job, "access", Constant("IMA_ACCESS_DATA"));
        Put(job, "flags", Constant("IMA_JOB_WRITER") | Constant("IMA_JOB_RESENT"));
        Put(job, "pid", unchecked((uint)-5));
        _ = _guard.Send(job);
        Assert.Equal(GuardMessage.Job, Receive(out GuardJob received));
        return received;
    }

    GuardMessage Receive(out GuardJob job)
    {
        using var file = new HeldFile();
        GuardMessage message = _socket.Receive(out job, file);
        Assert.False(file.IsOpen);
        return message;
    }

    byte[] ReceiveFromHost(string name)
    {
        byte[] message = new byte[4096];
        int got = _guard.Receive(message);
        Assert.Equal(AbiLayout.Native.Structs[name], got);
        return message;
    }

    static ulong Constant(string name) => ulong.Parse(AbiLayout.Native.Constants[name], CultureInfo.InvariantCulture);

    static void Put(byte[] job, string field, ulong value, string name = "ima_job")
    {
        (int offset, int size) = AbiLayout.Native.Fields[(name, field)];
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes.AsSpan(0, size).CopyTo(job.AsSpan(offset));
    }

    static ulong Take(byte[] message, string name, string field)
    {
        (int offset, int size) = AbiLayout.Native.Fields[(name, field)];
        byte[] bytes = new byte[8];
        message.AsSpan(offset, size).CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
