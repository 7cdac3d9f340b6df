using ImaHost.Interop;
using ImaHost.MeasurementList;

namespace ImaHost.Daemon;

/// <summary>
/// Enters how many accesses the guard has answered while no host came up. A host that dies between the entry and its
/// note leaves the next one to enter them once more: too many are better than too few.
/// </summary>
sealed class UnjudgedAccesses(SharedState shared, RuntimeMeasurements list, ListSettings settings)
{
    readonly Lock _gate = new();

    /// <summary>Enters those that no entry tells of yet. What the disk does not take now is tried again the next time.</summary>
    /// <param name="counted">All since the guard's start.</param>
    public void Enter(ulong counted)
    {
        lock (_gate)
        {
            ulong recorded = shared.Recorded;
            if (counted > recorded
                && HostEvents.Unjudged(list, settings, counted - recorded) != StoreOutcome.NotStored)
            {
                shared.Recorded = counted;
            }
        }
    }
}
