using System.Collections.Concurrent;
using ImaHost.Events;
using ImaHost.Interop;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What the guard wants besides verdicts.</summary>
sealed record GuardCommands(Action Stop, Action Reload);

/// <summary>
/// Takes jobs, has them judged, answers, as long as the guard is there. Large files are judged in a lane of their own,
/// so that a few of them cannot occupy every worker.
/// </summary>
sealed class EventLoop(ImaEngine engine, GuardSocket socket, GuardCommands commands, ILogger log) : IDisposable
{
    const ulong LargeBytes = 64 << 20;

    const int MostWaiting = 256;

    readonly BlockingCollection<AccessRequest> _large = new(MostWaiting);
    readonly BlockingCollection<AccessRequest> _writers = new(MostWaiting);

    /// <summary>One worker.</summary>
    public void Run()
    {
        using var scratch = new Scratch();
        using var request = new AccessRequest(socket, engine.Options.FailAllows ? Verdict.Allow : Verdict.Deny);
        for (;;)
        {
            switch (request.Take())
            {
                case GuardMessage.Job when IsLarge(request):
                    LayAside(request, scratch);
                    break;
                case GuardMessage.Job:
                    Judge(request, scratch);
                    break;
                case GuardMessage.Writer:
                    LayAsideWriter(request, scratch);
                    break;
                case GuardMessage.Stop or GuardMessage.Closed:
                    commands.Stop();
                    return;
                case GuardMessage.Reload:
                    commands.Reload();
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>The lane of large files.</summary>
    public void RunLarge()
    {
        using var scratch = new Scratch();
        foreach (AccessRequest request in _large.GetConsumingEnumerable())
        {
            Judge(request, scratch);
        }
    }

    /// <summary>
    /// The lane of writers that open what was measured. Finding out who reads it takes long, and nobody waits for a
    /// verdict.
    /// </summary>
    public void RunWriters()
    {
        using var scratch = new Scratch();
        foreach (AccessRequest request in _writers.GetConsumingEnumerable())
        {
            NoteWriter(request, scratch);
        }
    }

    public void Dispose()
    {
        _large.Dispose();
        _writers.Dispose();
    }

    /// <summary>More than the lane takes get the answer of what cannot be judged.</summary>
    void LayAside(AccessRequest request, Scratch scratch)
    {
        AccessRequest heir = request.HandOver();
        if (!_large.TryAdd(heir))
        {
            heir.Verdict = engine.GiveUp(heir, scratch, $"{MostWaiting} large files wait to be judged already");
            heir.Dispose();
        }
    }

    /// <summary>When the lane is full this worker does it: no violation is missed.</summary>
    void LayAsideWriter(AccessRequest request, Scratch scratch)
    {
        AccessRequest heir = request.HandOver();
        if (!_writers.TryAdd(heir))
        {
            NoteWriter(heir, scratch);
        }
    }

    /// <summary>What is late is not read, only recorded.</summary>
    static bool IsLarge(AccessRequest request) =>
        request.HasFile && !request.IsLate && request.File.TryStat(out FileStat stat, out _) && stat.Size > LargeBytes;

    /// <summary>The one place that catches everything: whatever fails, the access is answered and the worker lives.</summary>
#pragma warning disable CA1031 // a bug in judging one file must not let the next one through unjudged
    void Judge(AccessRequest request, Scratch scratch)
    {
        using (request)
        {
            try
            {
                request.Verdict = engine.ProcessMeasurement(request, scratch);
            }
            catch (Exception e)
            {
                engine.Counters.AddFailed();
                EngineLog.WorkerFailed(log, e, engine.Options.FailAllows ? "allowed" : "denied");
            }
        }
    }

    void NoteWriter(AccessRequest request, Scratch scratch)
    {
        using (request)
        {
            try
            {
                engine.NoteWriter(request, scratch);
            }
            catch (Exception e)
            {
                engine.Counters.AddFailed();
                EngineLog.WorkerFailed(log, e, "allowed");
            }
        }
    }
#pragma warning restore CA1031
}
