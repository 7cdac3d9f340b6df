using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace ImaHost.Tests.Engine;

/// <summary>What the guard notes of the host's own accesses, under rules that ask for nothing.</summary>
public sealed class OwnAccessTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly ListFixture _list = new();
    readonly GuardEnd _guard = new();
    readonly SafeFileHandle _file;

    public OwnAccessTests() =>
        _file = File.OpenHandle(_directory.Write("library", "code"), FileMode.Open, FileAccess.Read);

    public void Dispose()
    {
        _file.Dispose();
        _guard.Dispose();
        _list.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(GuardAccess.Exec, GuardJobFacts.Note, true)]
    [InlineData(GuardAccess.Elf, GuardJobFacts.Note, true)]
    [InlineData(GuardAccess.Data, GuardJobFacts.Note, false)]
    [InlineData(GuardAccess.Open, GuardJobFacts.Note, false)]
    [InlineData(GuardAccess.Exec, GuardJobFacts.Leased, false)]
    [InlineData(GuardAccess.Elf, GuardJobFacts.Leased, false)]
    public void Code_of_the_host_is_measured_and_nothing_else(GuardAccess access, GuardJobFacts facts, bool isMeasured)
    {
        var options = new EngineOptions(
            AppraiseMode.Enforce, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, Pcr: 10, FailAllows: false);
        var engine = new ImaEngine(
            options, new ImaPolicy([]), _list.List, new ReadWriteCheck(), new EngineCounters(), NullLogger.Instance);
        var loop = new EventLoop(
            engine, _guard.Socket, new GuardCommands(static () => { }, static () => { }, static () => { }), Environment.ProcessId, NullLogger.Instance);
        var worker = new Crew("worker", 1, 1, loop.Run, Threads.Start);
        worker.Begin();
        Assert.Equal(GuardDecision.Allow, _guard.Ask(_file, access, facts));
        _guard.Say("STOP");
        worker.Join(Environment.TickCount64 + 10_000);
        Assert.Equal(isMeasured ? 2 : 1, _list.List.Log.Extent.Entries);
    }
}
