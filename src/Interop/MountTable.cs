using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>The mounts of this process's namespace as the kernel prints them, and a wait for the next change.</summary>
public sealed unsafe class MountTable : IDisposable
{
    int _fd;

    /// <exception cref="ErrnoException">/proc is not there.</exception>
    public MountTable()
    {
        fixed (byte* name = "/proc/self/mountinfo\0"u8)
        {
            _fd = Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        }

        ErrnoException.ThrowIfNegative(_fd, "open /proc/self/mountinfo");
    }

    /// <summary>
    /// Waits until something is mounted or unmounted, but not for longer than so many milliseconds. The kernel tells of
    /// each change once to each open descriptor (proc_pid_mountinfo(5): POLLPRI and POLLERR).
    /// </summary>
    /// <returns>Whether something has changed.</returns>
    public bool Wait(int milliseconds)
    {
        var entry = new Libc.PollEntry { fd = _fd, events = Libc.POLLPRI };
        int ready = Libc.poll(&entry, 1, milliseconds);
        if (ready < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
        {
            throw ErrnoException.Last("poll /proc/self/mountinfo");
        }

        return ready > 0 && (entry.revents & (Libc.POLLPRI | Libc.POLLERR)) != 0;
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose()
    {
        if (_fd >= 0)
        {
            _ = Libc.close(_fd);
            _fd = -1;
        }
    }
}
