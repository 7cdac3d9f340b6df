using System.Globalization;
using System.Net.Sockets;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Tests.Abi;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class AccessRequestTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly Socket _guard;
    readonly Socket _host = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);

    public AccessRequestTests()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_directory.At("socket")));
        listener.Listen();
        _host.Connect(new UnixDomainSocketEndPoint(_directory.At("socket")));
        _guard = listener.Accept();
    }

    public void Dispose()
    {
        _guard.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    /// <summary>The process is held in no open, so looking it up shows by not knowing.</summary>
    [Theory]
    [InlineData("JOB", "EXEC", "", "Read", AccessMask.Exec)]
    [InlineData("JOB", "EXEC", "WRITER", "Read", AccessMask.Exec)]
    [InlineData("JOB", "DATA", "LEASED", "Read", AccessMask.Read)]
    [InlineData("JOB", "ELF", "LEASED RESENT", "Read", AccessMask.Read)]
    [InlineData("JOB", "DATA", "WRITER", "Unknown", null)]
    [InlineData("JOB", "DATA", "", "Unknown", null)]
    [InlineData("JOB", "OPEN", "", "Unknown", null)]
    [InlineData("JOB", "ELF", "RESENT", "Unknown", null)]
    [InlineData("JOB", "DATA", "NOTE", "Read", AccessMask.Read)]
    [InlineData("WRITER", "DATA", "", "Read", AccessMask.Read)]
    internal void Mode_and_mask_are_looked_up_where_it_may_be_a_writer(
        string message, string access, string facts, string mode, AccessMask? mask)
    {
        using Child child = Child.Sleep();
        byte[] job = new byte[AbiLayout.Native.Structs["ima_job"]];
        Put(job, "type", Constant("IMA_MSG_" + message));
        Put(job, "access", Constant("IMA_ACCESS_" + access));
        Put(job, "pid", (uint)child.Pid);
        Put(job, "flags", facts.Split(' ', StringSplitOptions.RemoveEmptyEntries).Aggregate(
            0u, (flags, fact) => flags | Constant("IMA_JOB_" + fact)));
        _ = _guard.Send(job);
        using var request = new AccessRequest(new GuardSocket((int)_host.Handle), Verdict.Allow);
        _ = request.Take();
        Assert.Equal(Enum.Parse<OpenMode>(mode), request.Mode);
        Assert.Equal(mask, request.Mask);
    }

    [Theory]
    [InlineData(GuardAccess.Exec, AccessMask.Exec, true)]
    [InlineData(GuardAccess.Elf, AccessMask.Read, false)]
    internal void What_runs_already_was_read_and_nobody_waits_for_it(GuardAccess access, AccessMask mask, bool isOwn)
    {
        using Child child = Child.Sleep();
        child.End();
        using HeldFile file = HeldFile.Open("/bin/sleep");
        using (AccessRequest request = AccessRequest.ForRunning(file, access, child.Pid, isOwn))
        {
            Assert.Equal((OpenMode.Read, mask, isOwn), (request.Mode, request.Mask, request.IsOwn));
            Assert.Equal((true, false, child.Pid), (request.HasFile, request.IsHeld, request.Pid));
            Assert.True(request.GoOn(true));
        }

        Assert.False(file.IsOpen);
        Assert.Equal(0, _guard.Available);
    }

    static uint Constant(string name) => uint.Parse(AbiLayout.Native.Constants[name], CultureInfo.InvariantCulture);

    static void Put(byte[] job, string field, uint value) =>
        BitConverter.GetBytes(value).CopyTo(job, AbiLayout.Native.Fields[("ima_job", field)].Offset);
}
