using ImaHost.Events;
using ImaHost.Interop;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What the guard wants besides verdicts.</summary>
/// <param name="Yield">Another host follows.</param>
sealed record GuardCommands(Action Stop, Action Yield, Action Reload);

/// <summary>
/// Takes jobs, has them judged, answers, as long as the guard is there. Large files are judged in a lane of their own,
/// and huge ones in another, so that a few of them cannot occupy every worker.
/// </summary>
/// <param name="isCrowd">Do so many wait that the workers have to come first? Null: never.</param>
/// <param name="guardPid">The guard, which holds every file that is judged.</param>
sealed class EventLoop(
    ImaEngine engine, GuardSocket socket, GuardCommands commands, int guardPid, ILogger log, Func<bool>? isCrowd = null)
{
    /// <summary>What takes longer to hash than a few milliseconds.</summary>
    const ulong LargeBytes = 4 << 20;

    /// <summary>Larger than nearly every program. Whoever makes many of these keeps nobody waiting but himself.</summary>
    const ulong HugeBytes = 64 << 20;

    const int MostWaiting = 256;

    /// <summary>Threads of each kind, when disks or file servers do not answer.</summary>
    const int MostWorkers = 64;
    const int MostLarge = 16;
    const int MostHuge = 8;
    const int MostSearches = 4;

    /// <summary>Accesses that wait until somebody has looked who holds their files; one look serves all of them.</summary>
    const int MostSearched = 1024;

    readonly List<Crew> _crews = [];
    readonly Lane _large = new(MostWaiting);
    readonly Lane _huge = new(MostWaiting);
    readonly Lane _searched = new(MostSearched);

    /// <summary>Requests that were answered in a lane.</summary>
    readonly Lane _spare = new((2 * MostWaiting) + MostSearched);

    /// <summary>Starts the threads.</summary>
    /// <param name="start">Starts one of that name.</param>
    public void Begin(Func<string, Action, Thread> start)
    {
        int cores = Math.Max(2, Environment.ProcessorCount);
        _crews.Add(new Crew("worker", cores, MostWorkers, Run, start));
        _crews.Add(new Crew("large files", cores, MostLarge, stint => Run(stint, _large), start));
        _crews.Add(new Crew("huge files", 1, MostHuge, stint => Run(stint, _huge), start));
        _crews.Add(new Crew("searches", 1, MostSearches, RunSearches, start));
        _crews.ForEach(crew => crew.Begin());
    }

    /// <summary>Adds threads where all are stuck. To be called several times a second.</summary>
    /// <returns>False when nothing goes on any more: another host may fare better.</returns>
    public bool Tend()
    {
        bool goesOn = true;
        foreach (Crew crew in _crews)
        {
            goesOn &= crew.Tend();
        }

        return goesOn;
    }

    /// <summary>Waits, once nothing more is received, until what there is has been judged.</summary>
    /// <param name="milliseconds">Not longer than that: something may be stuck.</param>
    public void Finish(int milliseconds)
    {
        long until = Environment.TickCount64 + milliseconds;
        _crews[0].Join(until);
        _large.Finish();
        _huge.Finish();
        _crews[1].Join(until);
        _crews[2].Join(until);
        _searched.Finish();
        _crews[3].Join(until);
    }

    /// <summary>One worker, until the guard says stop or it is one too many.</summary>
    public void Run(Stint stint)
    {
        using var scratch = new Scratch(engine.Hashes);
        using AccessRequest request = NewRequest();
        bool isFirst = false;
        for (bool stays = true; stays;)
        {
            GuardMessage message = request.Take();
            stint.Begin(request);
            if (isCrowd?.Invoke() == !isFirst)
            {
                isFirst = !isFirst;
                RealTime.Set(isFirst);
            }

            switch (message)
            {
                case GuardMessage.Job or GuardMessage.Writer:
                    Judge(request, scratch);
                    break;
                case GuardMessage.Stop or GuardMessage.Closed:
                    commands.Stop();
                    return;
                case GuardMessage.Yield:
                    commands.Yield();
                    return;
                case GuardMessage.Reload:
                    commands.Reload();
                    break;
                default:
                    break;
            }

            stays = stint.End();
        }
    }

    void Run(Stint stint, Lane lane)
    {
        using var scratch = new Scratch(engine.Hashes);
        for (bool stays = true; stays && lane.Take() is { } request; stays = stint.End())
        {
            stint.Begin(request);
            Judge(request, scratch, lane);
            _ = _spare.TryAdd(request);
        }
    }

    /// <summary>
    /// The lane of those for whom it must be known who holds their files open, or is about to run them. That takes long,
    /// so it is found out for as many as there are at once.
    /// </summary>
    void RunSearches(Stint stint)
    {
        var search = new WriterSearch(guardPid, log);
        using var scratch = new Scratch(engine.Hashes);
        var batch = new List<AccessRequest>();
        while (_searched.Take() is { } first)
        {
            stint.Begin(first);
            batch.Add(first);
            while (batch.Count < MostSearched && _searched.TryTake() is { } next)
            {
                batch.Add(next);
            }

            search.Look(batch, request => JudgeSearched(request, stint, scratch));
            batch.Clear();
            if (!stint.End())
            {
                return;
            }
        }
    }

    void JudgeSearched(AccessRequest request, Stint stint, Scratch scratch)
    {
        request.IsSearched = true;
        stint.Begin(request);
        Judge(request, scratch);
        _ = _spare.TryAdd(request);
    }

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
        if (request.IsSearched || !(request.HasWriter || request.IsNotice))
        {
            return false;
        }

        request.Holders ??= engine.AskForHolders(request, scratch);
        return request.Holders != null || request.MayOvertakeExec;
    }

    /// <summary>When the lane is full, what is not known counts as so.</summary>
    void LayAsideToSearch(AccessRequest request, Scratch scratch)
    {
        if (!TryHandOver(request, _searched))
        {
            _ = request.Holders?.Settle(Holders.Reader | Holders.Writer);
            request.IsSearched = true;
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
                EngineLog.WorkerFailed(log, e, engine.Options.FailAllows ? "allowed" : "denied");
                GiveUp(request, scratch);
            }
        }
    }

    /// <summary>That it could not be judged stands in the list, unless that fails too.</summary>
    void GiveUp(AccessRequest request, Scratch scratch)
    {
        try
        {
            if (!request.IsNotice)
            {
                _ = engine.GiveUp(request, scratch, "judging it failed");
            }
        }
        catch (Exception e)
        {
            EngineLog.WorkerFailed(log, e, "no entry");
        }
    }
#pragma warning restore CA1031
}
