using System.Diagnostics;
using ImaHost.Engine;
using Xunit;

namespace ImaHost.Tests.Engine;

public sealed class EngineLatencyTests
{
    readonly EngineLatency _latency = new();

    [Fact]
    public void Each_stage_lasts_since_the_one_before_and_the_total_since_the_access_was_received()
    {
        const long millisecond = 1_000_000;
        using var scratch = new Scratch();
        using (StageClock clock = _latency.Start(scratch, Stopwatch.GetTimestamp() - (3600_000 * millisecond)))
        {
            Thread.Sleep(20);
            clock.Lap(JudgingStage.Policy);
            clock.Lap(JudgingStage.Hash);
        }

        Assert.InRange(_latency.Read(JudgingStage.Policy).Max, 20 * millisecond, 3599_000 * millisecond);
        Assert.InRange(_latency.Read(JudgingStage.Total).Max, 3600_020 * millisecond, 7200_000 * millisecond);
        Assert.True(_latency.Read(JudgingStage.Hash).Max < _latency.Read(JudgingStage.Policy).Max);
        Assert.Equal(1, _latency.Read(JudgingStage.Hash).Count);
        Assert.Equal(0, _latency.Read(JudgingStage.Store).Count);
    }

    [Fact]
    public void Clock_that_was_not_started_records_nothing()
    {
        using (StageClock clock = default)
        {
            clock.Lap(JudgingStage.Policy);
        }

        Assert.Equal(0, _latency.Read(JudgingStage.Total).Count);
    }

    /// <summary>Read all the while: what is counted never gets less, and nothing is lost in the end.</summary>
    [Fact]
    public void Workers_are_added_up_while_they_record()
    {
        const int workers = 4;
        const int accesses = 20_000;
        Thread[] threads = [.. Enumerable.Range(0, workers).Select(_ => new Thread(() => Judge(accesses)))];
        Array.ForEach(threads, thread => thread.Start());
        long seen = 0;
        while (threads.Any(thread => thread.IsAlive))
        {
            LatencyHistogram now = _latency.Read(JudgingStage.Total);
            Assert.InRange(now.Count, seen, workers * accesses);
            Assert.True(now.Percentile(0.5) <= now.Percentile(1) && now.Percentile(1) <= now.Max);
            seen = now.Count;
        }

        Assert.Equal(workers * accesses, _latency.Read(JudgingStage.Total).Count);
        Assert.Equal(workers * accesses, _latency.Read(JudgingStage.Appraise).Count);
    }

    [Fact]
    public void Timing_an_access_allocates_nothing()
    {
        using var scratch = new Scratch();
        Judge(scratch, 1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Judge(scratch, 1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    void Judge(int accesses)
    {
        using var scratch = new Scratch();
        Judge(scratch, accesses);
    }

    void Judge(Scratch scratch, int accesses)
    {
        for (int i = 0; i < accesses; i++)
        {
            using StageClock clock = _latency.Start(scratch, Stopwatch.GetTimestamp());
            clock.Lap(JudgingStage.Policy);
            clock.Lap(JudgingStage.Hash);
            clock.Lap(JudgingStage.Store);
            clock.Lap(JudgingStage.Appraise);
        }
    }
}
