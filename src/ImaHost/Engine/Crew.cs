using ImaHost.Events;

namespace ImaHost.Engine;

/// <summary>
/// The threads that do one kind of work: as many as usual, and more while all of them are stuck at something that does
/// not answer, a disk or a file server. Who is judged after them must not wait for it.
/// </summary>
/// <param name="work">What each thread does, until its stint says that it is one too many.</param>
/// <param name="start">Starts a thread of that name.</param>
sealed class Crew(string name, int usual, int most, Action<Stint> work, Func<string, Action, Thread> start)
{
    readonly Lock _gate = new();
    readonly List<Stint> _stints = [];
    readonly List<Thread> _threads = [];

    public void Begin()
    {
        lock (_gate)
        {
            while (_stints.Count < usual)
            {
                Add();
            }
        }
    }

    /// <summary>Looks after them. To be called several times a second.</summary>
    /// <returns>False when all are stuck, and there are as many as there may be.</returns>
    public bool Tend()
    {
        lock (_gate)
        {
            bool isStuck = _stints.TrueForAll(stint => stint.IsStuck);
            bool canGrow = _stints.Count < most;
            for (int more = isStuck ? Math.Min(_stints.Count, most - _stints.Count) : 0; more > 0; more--)
            {
                Add();
            }

            return !isStuck || canGrow;
        }
    }

    /// <summary>Lets one go that is no longer needed.</summary>
    public bool Dismisses(Stint stint)
    {
        lock (_gate)
        {
            return _stints.Count > usual && _stints.Remove(stint);
        }
    }

    /// <summary>Waits until all have ended, but not for those that are stuck.</summary>
    /// <param name="until">When to give up, as <see cref="Environment.TickCount64"/> tells the time.</param>
    public void Join(long until)
    {
        foreach (Thread thread in _threads.ToArray())
        {
            _ = thread.Join((int)Math.Clamp(until - Environment.TickCount64, 0, int.MaxValue));
        }
    }

    void Add()
    {
        var stint = new Stint(this);
        _stints.Add(stint);
        _ = _threads.RemoveAll(thread => !thread.IsAlive);
        _threads.Add(start(name, () => work(stint)));
    }
}

/// <summary>What one thread of a crew is at.</summary>
sealed class Stint(Crew crew)
{
    /// <summary>More than the time after which a long hash gives a sign.</summary>
    const int StuckMilliseconds = 400;

    AccessRequest? _at;

    public bool IsStuck =>
        Volatile.Read(ref _at) is { } request && Environment.TickCount64 - request.Moved > StuckMilliseconds;

    public void Begin(AccessRequest request)
    {
        request.Touch();
        Volatile.Write(ref _at, request);
    }

    /// <returns>False when this thread is to end.</returns>
    public bool End()
    {
        Volatile.Write(ref _at, null);
        return !crew.Dismisses(this);
    }
}
