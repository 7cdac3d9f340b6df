using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>The real-time priority that a host has from its guard, and its threads from those that start them.</summary>
public static unsafe class RealTime
{
    const int Other = 0; // SCHED_OTHER, sched(7)

    /// <summary>Has this thread take its turn with all others, as does what it starts. That is always allowed.</summary>
    public static void Leave()
    {
        int priority = 0;
        _ = Libc.sched_setscheduler(0, Other, &priority);
    }
}
