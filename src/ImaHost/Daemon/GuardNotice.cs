using ImaHost.Engine;
using ImaHost.Interop;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>Tells the guard under which rules and vouchers verdicts are kept from now on.</summary>
sealed class GuardNotice(GuardSocket socket, SharedState shared, ImaEngine engine, ILogger log)
{
    const int GuardMilliseconds = 1000;

    /// <summary>Says that we are ready, too.</summary>
    public void Send() => socket.SendReady(engine.Policy.AsksAboutReads, engine.Fingerprint);

    /// <summary>What begins after this returns is decided anew: nothing that was kept before is left.</summary>
    /// <returns>False when the guard has not followed in time, which the log says too.</returns>
    public bool SendAndAwait()
    {
        Send();
        bool follows = shared.AwaitPolicy(engine.Fingerprint, GuardMilliseconds);
        if (!follows)
        {
            Logging.SlowGuard(log, GuardMilliseconds);
        }

        return follows;
    }
}
