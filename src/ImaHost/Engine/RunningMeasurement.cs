using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.Policy;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>
/// Measures files that are in use already. By the same engine as an access, so that the entries are the same; nobody
/// waits for the verdicts, and nothing that runs is ended by them. For one thread.
/// </summary>
sealed class RunningMeasurement(ImaEngine engine, SharedState shared, ILogger log) : IDisposable
{
    // errno.h: the process, or its mapping, is gone.
    const int NoEntry = 2; // ENOENT
    const int NoProcess = 3; // ESRCH

    readonly Scratch _scratch = new(engine.Hashes);

    public void Dispose() => _scratch.Dispose();

    /// <summary>Opens what is in use. Null: it is so no more, or cannot be had.</summary>
    public HeldFile? TryOpen(RunningPlace place) => TryOpen(place, out _);

    /// <summary>
    /// Has a file judged: for the first of those who use it of whom the rules ask anything, so that one who is gone
    /// meanwhile does not hide the others.
    /// </summary>
    /// <param name="isOwn">It is measured whatever the rules say.</param>
    /// <returns>It was had from one of them.</returns>
#pragma warning disable CA1031 // a bug in judging one file must not end each host that comes to it
    public bool Measure(RunningFile file, List<RunningPlace> places, bool isOwn)
    {
        int error = 0;
        try
        {
            foreach (RunningPlace place in places)
            {
                if (TryMeasure(file, place, isOwn, ref error))
                {
                    return true;
                }
            }
        }
        catch (Exception e)
        {
            engine.Counters.AddFailed();
            EngineLog.WorkerFailed(log, e, "left running");
        }

        if (error != 0)
        {
            engine.Counters.AddFailed();
            string cause = ErrnoException.Describe(error);
            EngineLog.NotOpened(log, file.Inode, file.Device.Major, file.Device.Minor, cause);
        }

        return false;
    }
#pragma warning restore CA1031

    /// <param name="error">Why it cannot be opened, if it is still there.</param>
    /// <returns>True when it need not be asked for at another place.</returns>
    bool TryMeasure(RunningFile file, RunningPlace place, bool isOwn, ref int error)
    {
        using HeldFile? opened = TryOpen(place, out int failed);
        if (opened == null)
        {
            error = failed is NoEntry or NoProcess ? error : failed;
            return false;
        }

        using AccessRequest request = AccessRequest.ForRunning(opened, file.Access, place.Pid, isOwn);
        if (!_scratch.File.Begin(request) || _scratch.File.File.Stat.Inode != file.Inode)
        {
            return false;
        }

        ImaPolicy policy = engine.Policy;
        if (_scratch.File.MustMeasure(policy).Decision.IsNothing && policy.AsksSubject != SubjectFacts.None)
        {
            return false;
        }

        _ = engine.ProcessMeasurement(request, _scratch);
        return true;
    }

    /// <summary>The guard lets us have it without a look: we read it only, and who runs it does so already.</summary>
    HeldFile? TryOpen(RunningPlace place, out int error)
    {
        error = 0;
        _ = Interlocked.Increment(ref shared.Opens);
        try
        {
            return HeldFile.Open(place.Link);
        }
        catch (ErrnoException e)
        {
            error = e.Errno;
            return null;
        }
        finally
        {
            _ = Interlocked.Decrement(ref shared.Opens);
        }
    }
}
