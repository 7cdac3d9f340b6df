using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What ran before the service came, as far as it was measured afterwards.</summary>
/// <param name="Denied">The files that appraisal would have denied.</param>
/// <param name="IsComplete">All of them were looked at.</param>
sealed record RunningReport(RunningCount Count, long Denied, bool IsComplete);

/// <summary>
/// Measures what ran before the guard's marks stood, once for each guard: what comes later is held and judged when it
/// comes. A host that dies over it leaves it to the next one, which begins anew.
/// </summary>
sealed class Backfill(
    ImaEngine engine, RuntimeMeasurements list, ListSettings settings, SharedState shared, int guardPid, ILogger log)
{
    const int MostPauseMilliseconds = 100;

    volatile RunningReport _report = new(default, 0, IsComplete: false);

    /// <summary>As far as it has come.</summary>
    public RunningReport Report => _report;

    /// <summary>
    /// Enters it, unless an earlier host has done so. Takes as long as it takes, and leaves others the processor for as
    /// long.
    /// </summary>
    /// <param name="watched">The filesystems that count.</param>
    public void Run(IReadOnlySet<DeviceNumber> watched)
    {
        if (Volatile.Read(ref shared.Ran) is > 0 and uint ran)
        {
            _report = new RunningReport(HostEvents.ReadRunning(list.Log), ran - 1, IsComplete: true);
            return;
        }

        var running = new RunningFiles((device, _) => watched.Contains(device));
        running.ReadAll(Environment.ProcessId, guardPid);
        var count = new RunningCount(running.Count, running.Processes);
        _report = new RunningReport(count, 0, IsComplete: false);
        HostEvents.Running(list, settings, count);
        Measure(running);
        Volatile.Write(ref shared.Ran, (uint)_report.Denied + 1);
        _report = _report with { IsComplete = true };
        EngineLog.RanBefore(log, count.Files, count.Processes, _report.Denied);
    }

    void Measure(RunningFiles running)
    {
        using var measurement = new RunningMeasurement(engine, shared, log);
        foreach ((RunningFile file, List<RunningPlace> places) in running.Files)
        {
            long begun = Environment.TickCount64;
            _ = measurement.Measure(file, places, isOwn: false);
            _report = _report with { Denied = engine.Counters.RunningDenied };
            Thread.Sleep((int)Math.Min(Environment.TickCount64 - begun, MostPauseMilliseconds));
        }
    }
}
