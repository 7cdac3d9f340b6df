using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>The lowest real-time priority, by which a thread comes before all that have none (sched(7)).</summary>
public static unsafe class RealTime
{
    const int Other = 0; // SCHED_OTHER
    const int RoundRobin = 2; // SCHED_RR

    /// <summary>Gives it to this thread, or takes it away. Without CAP_SYS_NICE nothing changes.</summary>
    public static void Set(bool isFirst)
    {
        int priority = isFirst ? 1 : 0;
        _ = Libc.sched_setscheduler(0, isFirst ? RoundRobin : Other, &priority);
    }
}
