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
using SHA256 = System.Security.Cryptography.SHA256;

namespace ImaHost.Tests.Engine;

/// <summary>Whole accesses, from the guard's question to its verdict, by a worker that is warm.</summary>
public sealed class EventLoopAllocationTests : IDisposable
{
    const int Jobs = 40;

    /// <summary>The runtime optimises a method a while after it has become warm; before that it may allocate.</summary>
    const int PatienceMilliseconds = 30_000;

    readonly TemporaryDirectory _directory = new();
    readonly ListFixture _list = new();
    readonly GuardEnd _guard = new();
    readonly SafeFileHandle _file;
    readonly EngineCounters _counters = new();
    readonly SemaphoreSlim _counted = new(0);
    long _allocated;
    long _content;

    public EventLoopAllocationTests()
    {
        _file = File.OpenHandle(_directory.At("program"), FileMode.Create, FileAccess.ReadWrite);
        Change();
    }

    public void Dispose()
    {
        _file.Dispose();
        _guard.Dispose();
        _list.Dispose();
        _directory.Dispose();
        _counted.Dispose();
    }

    [Theory]
    [InlineData("exec", GuardAccess.Exec, false)]
    [InlineData("exec", GuardAccess.Exec, true)]
    [InlineData("exec", GuardAccess.Elf, false)]
    [InlineData("exec", GuardAccess.Elf, true)]
    [InlineData("tcb", GuardAccess.Exec, false)]
    [InlineData("tcb", GuardAccess.Data, false)]
    [InlineData("tcb", GuardAccess.Data, true)]
    [InlineData("tcb", GuardAccess.Open, false)]
    public void Access_allocates_nothing(string policy, GuardAccess access, bool isNew) =>
        RequireNoAllocation(policy, access, isNew, AppraiseMode.Off);

    [Fact]
    public void Access_of_a_file_that_passes_appraisal_allocates_nothing()
    {
        byte[] label = [4, HashAlgorithm.Sha256.KernelId, .. SHA256.HashData(File.ReadAllBytes(_directory.At("program")))];
        using (HeldFile file = HeldFile.Open(_directory.At("program")))
        {
            Assert.SkipUnless(file.SetXattr("security.ima\0"u8, label) == 0, "security.ima cannot be written here");
        }

        RequireNoAllocation("exec", GuardAccess.Exec, isNew: false, AppraiseMode.Enforce);
    }

    void RequireNoAllocation(string policy, GuardAccess access, bool isNew, AppraiseMode mode)
    {
        var loop = new EventLoop(
            NewEngine(policy, mode), _guard.Socket, new GuardCommands(static () => { }, static () => { }, Count), Environment.ProcessId,
            NullLogger.Instance);
        var worker = new Crew("worker", 1, 1, loop.Run, Threads.Start);
        worker.Begin();
        long least = long.MaxValue;

        // Not counting what a table allocates that grows.
        long end = Environment.TickCount64 + PatienceMilliseconds;
        while (least > 0 && Environment.TickCount64 < end)
        {
            long before = Allocated();
            for (int i = 0; i < Jobs; i++)
            {
                if (isNew)
                {
                    Change();
                }

                Assert.Equal(GuardDecision.Allow, _guard.Ask(_file, access, GuardJobFacts.Leased));
            }

            least = Math.Min(least, Allocated() - before);
        }

        _guard.Say("STOP");
        worker.Join(Environment.TickCount64 + PatienceMilliseconds);
        Assert.Equal(0, least);
        Assert.Equal(0, _counters.Failed);
        Assert.True(isNew ? _counters.Measured >= Jobs : _counters is { Measured: 1, Repeated: >= Jobs - 1 });
    }

    ImaEngine NewEngine(string policy, AppraiseMode mode)
    {
        var options = new EngineOptions(
            mode, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, Pcr: 10, FailAllows: false);
        return new ImaEngine(
            options, new ImaPolicy(RulesOf(policy)), _list.List, new ReadWriteCheck(), _counters, NullLogger.Instance);
    }

    /// <summary>They hold wherever the files of a test lie, and for whoever runs it.</summary>
    static List<ImaRule> RulesOf(string policy) =>
    [
        .. BuiltInPolicies.RulesOf(policy).Where(rule => rule.Action != ImaAction.DontMeasure),
        .. policy == "tcb" ? [Policies.Rule("measure func=FILE_CHECK mask=^MAY_READ")] : Array.Empty<ImaRule>(),
    ];

    /// <summary>What the worker has allocated so far. It hears of it as of new rules, between two jobs.</summary>
    long Allocated()
    {
        _guard.Say("RELOAD");
        Assert.True(_counted.Wait(10_000));
        return _allocated;
    }

    void Count()
    {
        _allocated = GC.GetAllocatedBytesForCurrentThread();
        _ = _counted.Release();
    }

    void Change() => RandomAccess.Write(_file, BitConverter.GetBytes(++_content), 0);
}
