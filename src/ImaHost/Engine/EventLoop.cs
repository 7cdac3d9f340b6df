using ImaHost.Events;
using ImaHost.Interop;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What the guard wants besides verdicts.</summary>
sealed record GuardCommands(Action Stop, Action Reload);

/// <summary>
/// Takes jobs, has them judged, answers, as long as the guard is there. Large files are judged in a lane of their own,
/// and huge ones in another, so that a few of them cannot occupy every worker.
/// </summary>
/// <param name="guardPid">The guard, which holds every file that is judged.</param>
sealed class EventLoop(ImaEngine engine, GuardSocket socket, GuardCommands commands, int guardPid, ILogger log)
{
    /// <summary>What takes longer to hash than a few milliseconds.</summary>
    const ulong LargeBytes = 4 << 20;

    /// <summary>Larger than nearly every program. Whoever makes many of these keeps nobody waiting but himself.</summary>
    const ulong HugeBytes = 64 << 20;

    const int MostWaiting = 256;

    /// <summary>Accesses that wait until somebody has looked who holds their files; one look serves all of them.</summary>
    const int MostSearched = 1024;

    /// <summary>Looking through all processes takes so long at most.</summary>
    const int SearchMilliseconds = 1000;

    readonly Lane _large = new(MostWaiting);
    readonly Lane _huge = new(MostWaiting);
    readonly Lane _searched = new(MostSearched);

    /// <summary>Requests that were answered in a lane.</summary>
    readonly Lane _spare = new((2 * MostWaiting) + MostSearched);

    /// <summary>One worker.</summary>
    public void Run()
    {
        using var scratch = new Scratch(engine.Hashes);
        using AccessRequest request = NewRequest();
        for (;;)
        {
            switch (request.Take())
            {
                case GuardMessage.Job or GuardMessage.Writer:
                    Judge(request, scratch);
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

    /// <summary>A worker in the lane of large files.</summary>
    public void RunLarge() => Run(_large);

    /// <summary>The one in the lane of huge files.</summary>
    public void RunHuge() => Run(_huge);

    void Run(Lane lane)
    {
        using var scratch = new Scratch(engine.Hashes);
        while (lane.Take() is { } request)
        {
            Judge(request, scratch, lane);
            _ = _spare.TryAdd(request);
        }
    }

    /// <summary>
    /// The lane of those for whom it must be known who holds their files open. That takes long, so it is found out for
    /// as many as there are at once. Ends when <see cref="FinishSearches"/> was called.
    /// </summary>
    public void RunSearches()
    {
        using var scratch = new Scratch(engine.Hashes);
        var batch = new List<AccessRequest>();
        while (_searched.Take() is { } first)
        {
            batch.Add(first);
            while (batch.Count < MostSearched && _searched.TryTake() is { } next)
            {
                batch.Add(next);
            }

            OpenHolders.Find(
                [.. batch.Select(request => request.Holders!)], guardPid, Environment.TickCount64 + SearchMilliseconds);
            foreach (AccessRequest request in batch)
            {
                Judge(request, scratch);
                _ = _spare.TryAdd(request);
            }

            batch.Clear();
        }
    }

    /// <summary>No more will come: what waits is looked after, and the lane ends.</summary>
    public void FinishSearches() => _searched.Finish();

    AccessRequest NewRequest() => new(socket, engine.Options.FailAllows ? Verdict.Allow : Verdict.Deny);

    /// <summary>Has another request answer in a lane, which leaves the worker's own free for the next job.</summary>
    /// <returns>False when the lane is full.</returns>
    bool TryHandOver(AccessRequest request, Lane lane)
    {
#pragma warning disable CA2000 // who takes it from a lane disposes of it, which is to answer
        AccessRequest heir = _spare.TryTake() ?? NewRequest();
#pragma warning restore CA2000
        request.HandOver(heir);
        bool isTaken = lane.TryAdd(heir);
        if (!isTaken)
        {
            heir.HandOver(request);
            _ = _spare.TryAdd(heir);
        }

        return isTaken;
    }

    /// <summary>More than the lane takes get the answer of what cannot be judged.</summary>
    void LayAside(AccessRequest request, Scratch scratch, Lane lane)
    {
        if (!TryHandOver(request, lane))
        {
            request.Verdict = engine.GiveUp(request, scratch, $"{MostWaiting} large files wait to be judged already");
        }
    }

    bool NeedsSearch(AccessRequest request, Scratch scratch)
    {
        if ((request.HasWriter || request.IsNotice) && request.Holders == null)
        {
            request.Holders = engine.AskForHolders(request, scratch);
            return request.Holders != null;
        }

        return false;
    }

    /// <summary>When the lane is full, what is not known counts as so.</summary>
    void LayAsideToSearch(AccessRequest request, Scratch scratch)
    {
        if (!TryHandOver(request, _searched))
        {
            _ = request.Holders!.Settle(Holders.Reader | Holders.Writer);
            Judge(request, scratch);
        }
    }

    /// <summary>Where the file is judged, null: here. What is late is not read, only recorded.</summary>
    Lane? LaneOf(AccessRequest request, Scratch scratch) =>
        request.IsNotice || request.IsLate ? null
        : scratch.File.File.Stat.Size > HugeBytes ? _huge
        : scratch.File.File.Stat.Size > LargeBytes ? _large
        : null;

    /// <summary>The one place that catches everything: whatever fails, the access is answered and the worker lives.</summary>
    /// <param name="here">The lane that this is.</param>
#pragma warning disable CA1031 // a bug in judging one file must not let the next one through unjudged
    void Judge(AccessRequest request, Scratch scratch, Lane? here = null)
    {
        using (request)
        {
            try
            {
                // Its size is looked at anew in each lane: a file that others write can grow while it waits.
                bool isKnown = scratch.File.Begin(request);
                if (isKnown && NeedsSearch(request, scratch))
                {
                    LayAsideToSearch(request, scratch);
                }
                else if (isKnown && here != _huge && LaneOf(request, scratch) is { } lane && lane != here)
                {
                    LayAside(request, scratch, lane);
                }
                else if (request.IsNotice)
                {
                    engine.NoteWriter(request, scratch);
                }
                else
                {
                    request.Verdict = engine.ProcessMeasurement(request, scratch);
                }
            }
            catch (Exception e)
            {
                engine.Counters.AddFailed();
                EngineLog.WorkerFailed(log, e, engine.Options.FailAllows ? "allowed" : "denied");
            }
        }
    }
#pragma warning restore CA1031
}
