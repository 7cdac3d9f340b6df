using ImaHost.Events;

namespace ImaHost.Engine;

/// <summary>
/// Accesses that wait until a thread has time for them, the first first. Of a fixed size, so that it allocates nothing,
/// as the collections of the platform do when a thread has to wait.
/// </summary>
/// <param name="most">Accesses that it takes.</param>
sealed class Lane(int most)
{
    readonly object _gate = new(); // a Lock cannot be waited on
    readonly AccessRequest?[] _requests = new AccessRequest?[most];
    int _first;
    int _count;
    bool _isFinished;

    /// <returns>False when it is full.</returns>
    public bool TryAdd(AccessRequest request)
    {
        lock (_gate)
        {
            if (_count == most)
            {
                return false;
            }

            _requests[(_first + _count) % most] = request;
            _count++;
            Monitor.Pulse(_gate);
            return true;
        }
    }

    /// <returns>Null when it is empty.</returns>
    public AccessRequest? TryTake()
    {
        lock (_gate)
        {
            return TakeFirst();
        }
    }

    /// <summary>Waits for one.</summary>
    /// <returns>Null when it is empty and <see cref="Finish"/> was called.</returns>
    public AccessRequest? Take()
    {
        lock (_gate)
        {
            while (_count == 0 && !_isFinished)
            {
                _ = Monitor.Wait(_gate);
            }

            return TakeFirst();
        }
    }

    /// <summary>No more will come.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            _isFinished = true;
            Monitor.PulseAll(_gate);
        }
    }

    AccessRequest? TakeFirst()
    {
        AccessRequest? first = _requests[_first];
        if (first != null)
        {
            _requests[_first] = null;
            _first = (_first + 1) % most;
            _count--;
        }

        return first;
    }
}
