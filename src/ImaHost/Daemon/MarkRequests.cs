using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>Has the guard mark filesystems. For one thread; the answers come by any.</summary>
sealed class MarkRequests
{
    /// <summary>No answer: no errno has this number.</summary>
    public const int NoAnswer = -1;

    const int PatienceMilliseconds = 10_000;

    readonly GuardSocket _socket;
    readonly object _answer = new();
    ulong _id;
    int _error;

    public MarkRequests(GuardSocket socket)
    {
        _socket = socket;
        socket.Watched += Take;
    }

    /// <summary>Marks the filesystem of a mount that was opened.</summary>
    /// <returns>0, an errno, or <see cref="NoAnswer"/>.</returns>
    public int Mark(MountRoot root)
    {
        lock (_answer)
        {
            _error = NoAnswer;
            _socket.SendWatch(root, ++_id);
            _ = Monitor.Wait(_answer, PatienceMilliseconds);
            return _error;
        }
    }

    /// <summary>One that comes too late is for nobody.</summary>
    void Take(ulong id, int error)
    {
        lock (_answer)
        {
            if (id == _id)
            {
                _error = error;
                Monitor.Pulse(_answer);
            }
        }
    }
}
