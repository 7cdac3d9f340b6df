using System.Diagnostics;

namespace ImaHost.Engine;

/// <summary>
/// Times one access: each stage from the end of the one before, and all of it when the clock is disposed of. The
/// default one does not run. A timestamp of <see cref="Stopwatch"/> is one of CLOCK_MONOTONIC, in nanoseconds.
/// </summary>
/// <param name="times">Where it is recorded, by the calling thread alone.</param>
/// <param name="received">When the access was received.</param>
readonly ref struct StageClock(StageTimes times, long received)
{
    readonly StageTimes? _times = times;

    /// <summary>A stage has ended.</summary>
    public void Lap(JudgingStage stage)
    {
        if (_times != null)
        {
            long now = Stopwatch.GetTimestamp();
            _times[stage].Record(now - _times.Last);
            _times.Last = now;
        }
    }

    public void Dispose() => _times?[JudgingStage.Total].Record(Stopwatch.GetTimestamp() - received);
}
