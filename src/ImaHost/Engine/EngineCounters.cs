namespace ImaHost.Engine;

/// <summary>What the engine did since this host started. Each is read and written atomically.</summary>
sealed class EngineCounters
{
    long _measured;
    long _repeated;
    long _denied;
    long _wouldDeny;
    long _runningDenied;
    long _fixed;
    long _failed;

    /// <summary>New entries.</summary>
    public long Measured => Volatile.Read(ref _measured);

    /// <summary>Accesses of files that stood in the list already.</summary>
    public long Repeated => Volatile.Read(ref _repeated);

    /// <summary>Accesses denied.</summary>
    public long Denied => Volatile.Read(ref _denied);

    /// <summary>Accesses that enforce would have denied.</summary>
    public long WouldDeny => Volatile.Read(ref _wouldDeny);

    /// <summary>Files that ran before, and would have been denied.</summary>
    public long RunningDenied => Volatile.Read(ref _runningDenied);

    /// <summary>Labels written by fix mode.</summary>
    public long Fixed => Volatile.Read(ref _fixed);

    /// <summary>Accesses that could not be judged as they should.</summary>
    public long Failed => Volatile.Read(ref _failed);

    public void AddMeasured() => Interlocked.Increment(ref _measured);

    public void AddRepeated() => Interlocked.Increment(ref _repeated);

    public void AddDenied() => Interlocked.Increment(ref _denied);

    public void AddWouldDeny() => Interlocked.Increment(ref _wouldDeny);

    public void AddRunningDenied() => Interlocked.Increment(ref _runningDenied);

    public void AddFixed() => Interlocked.Increment(ref _fixed);

    public void AddFailed() => Interlocked.Increment(ref _failed);
}
