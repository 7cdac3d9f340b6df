using ImaHost.Events;
using ImaHost.Interop;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What the guard wants besides verdicts.</summary>
sealed record GuardCommands(Action Stop, Action Reload);

/// <summary>One worker: takes a job, has it judged, answers, as long as the guard is there.</summary>
sealed class EventLoop(ImaEngine engine, GuardSocket socket, GuardCommands commands, ILogger log)
{
    public void Run()
    {
        Verdict unlessJudged = engine.Options.FailAllows ? Verdict.Allow : Verdict.Deny;
        using var scratch = new Scratch();
        using var request = new AccessRequest(socket, unlessJudged);
        for (;;)
        {
            switch (request.Take())
            {
                case GuardMessage.Job:
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
#pragma warning restore CA1031
}
