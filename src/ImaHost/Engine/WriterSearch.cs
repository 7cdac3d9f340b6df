using ImaHost.Events;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>
/// Looks, for as many accesses as there are at once, for who holds their files open, and for who may be about to run
/// them.
/// </summary>
/// <param name="guardPid">The guard, which holds every file that is judged.</param>
sealed class WriterSearch(int guardPid, ILogger log)
{
    /// <summary>Looking through all processes takes so long at most.</summary>
    const int SearchMilliseconds = 1000;

    /// <summary>A writer waits so long at most for tasks that get no processor.</summary>
    const int StarvedMilliseconds = 5000;

    /// <summary>Those of programs come last: until no exec can be under way, their writers must not go on.</summary>
    /// <param name="judge">Is given each of them when what was looked for is known.</param>
    public void Look(List<AccessRequest> batch, Action<AccessRequest> judge)
    {
        List<AccessRequest> programs = batch.FindAll(static request => request.MayOvertakeExec);
        StarvedTasks? starved = programs.Count > 0 ? StarvedTasks.Now(guardPid) : null;
        OpenHolders.Find(
            [.. batch.Select(static request => request.Holders).OfType<HolderQuery>()], guardPid,
            Environment.TickCount64 + SearchMilliseconds);
        batch.FindAll(static request => !request.MayOvertakeExec).ForEach(judge);
        if (starved?.Await(StarvedMilliseconds) == false)
        {
            EngineLog.Starved(log, programs.Count, starved.Count, StarvedMilliseconds);
        }

        programs.ForEach(judge);
    }
}
