using System.Diagnostics;

namespace ImaHost.Engine;

/// <summary>
/// How long the stages of judging take, since this host started. Each worker records for itself; who asks adds it up.
/// </summary>
sealed class EngineLatency
{
    readonly Lock _joining = new();
    readonly List<StageTimes> _workers = [];

    /// <summary>Starts timing an access. The lock is taken, and memory allocated, at a worker's first one alone.</summary>
    /// <param name="scratch">Of the worker that judges it.</param>
    /// <param name="received">When it was received, as <see cref="Stopwatch.GetTimestamp"/> tells the time.</param>
    public StageClock Start(Scratch scratch, long received)
    {
        StageTimes times = scratch.Times ??= Join();
        times.Last = Stopwatch.GetTimestamp();
        return new StageClock(times, received);
    }

    /// <summary>What all workers have recorded of a stage by now.</summary>
    public LatencyHistogram Read(JudgingStage stage)
    {
        var all = new LatencyHistogram();
        lock (_joining)
        {
            foreach (StageTimes worker in _workers)
            {
                all.Add(worker[stage]);
            }
        }

        return all;
    }

    StageTimes Join()
    {
        var times = new StageTimes();
        lock (_joining)
        {
            _workers.Add(times);
        }

        return times;
    }
}
