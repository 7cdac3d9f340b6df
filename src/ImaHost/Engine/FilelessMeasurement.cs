using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>
/// Measures code that no filesystem shows, of which the BPF programs tell when they let it through (fileless: measure).
/// Nobody is held for it: who is quick to end is gone before, and that is entered in its place.
/// </summary>
sealed class FilelessMeasurement(ImaEngine engine, RuntimeMeasurements list, ListSettings settings, SharedState shared, ILogger log)
{
    /// <summary>What waits at most; more is counted, and the number entered.</summary>
    const int MostWaiting = 1024;

    /// <summary>A program is told of before it has become its process's.</summary>
    static readonly int[] TriesAfterMilliseconds = [0, 1, 5, 20, 100];

    readonly object _gate = new(); // a Lock cannot be waited on
    readonly Queue<CodeDenial> _waiting = [];
    readonly HashSet<string> _entered = [];
    long _missed;

    /// <summary>To be called for each, by any thread.</summary>
    public void Take(CodeDenial denial)
    {
        if (denial.Cause != CodeCause.Fileless || denial.IsDenied)
        {
            return;
        }

        lock (_gate)
        {
            // Who floods it is not waited for: more than this is counted.
            if (_waiting.Count == MostWaiting)
            {
                _missed++;
                return;
            }

            _waiting.Enqueue(denial);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Measures them, for as long as the host lives.</summary>
    public void Run()
    {
        using var measurement = new RunningMeasurement(engine, shared, log);
        while (true)
        {
            CodeDenial denial = Next(out long missed);
            if (!TryMeasure(denial, measurement))
            {
                EnterUnseen(denial);
            }

            if (missed > 0)
            {
                Enter(FormattableString.Invariant($"more={missed}\n"));
            }
        }
    }

    /// <param name="missed">How many came when there was no room, once all that waited is taken.</param>
    CodeDenial Next(out long missed)
    {
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                _ = Monitor.Wait(_gate);
            }

            CodeDenial next = _waiting.Dequeue();
            missed = _waiting.Count == 0 ? _missed : 0;
            _missed -= missed;
            return next;
        }
    }

    static bool TryMeasure(CodeDenial denial, RunningMeasurement measurement)
    {
        foreach (int pause in TriesAfterMilliseconds)
        {
            Thread.Sleep(pause);
            var running = new RunningFiles(static (_, path) => IsFileless(path));
            running.Read((int)denial.Pid);
            foreach ((RunningFile file, List<RunningPlace> places) in running.Files)
            {
                // It is let through by configuration, so that no rule is asked whether it counts.
                if (file.Inode == denial.Inode && measurement.Measure(file, places, isOwn: true))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>By the names that mm/memfd.c, ipc/shm.c and mm/shmem.c give them.</summary>
    static bool IsFileless(ReadOnlySpan<byte> path) =>
        path.StartsWith("/memfd:"u8) || path.StartsWith("/SYSV"u8) || path.StartsWith("/dev/zero"u8);

    /// <summary>Once, or a loop of somebody's would fill the list.</summary>
    void EnterUnseen(CodeDenial denial)
    {
        string what = FormattableString.Invariant(
            $"path={EntryName.ToLine(denial.Path)}\nprogram={EntryName.ToLine(denial.Program)}\nuid={denial.Uid}\n");
        if (_entered.Count == MostWaiting)
        {
            _entered.Clear();
        }

        if (_entered.Add(what))
        {
            Enter(what);
        }
    }

    void Enter(string what) => _ = HostEvents.Fileless(list, settings, what);
}
