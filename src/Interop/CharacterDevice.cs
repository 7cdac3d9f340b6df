using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>A character device that answers each write with one read, such as /dev/tpmrm0.</summary>
public sealed unsafe class CharacterDevice : IDisposable
{
    readonly string _path;
    int _fd;

    /// <exception cref="ErrnoException">open(2) failed; EBUSY: /dev/tpm0 admits one user only.</exception>
    public CharacterDevice(string path)
    {
        _path = path;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            _fd = Libc.open(name, Libc.O_RDWR | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        }

        ErrnoException.ThrowIfNegative(_fd, $"open {path}");
    }

    /// <summary>Writes one command.</summary>
    public void Write(ReadOnlySpan<byte> command)
    {
        fixed (byte* from = command)
        {
            ErrnoException.ThrowIfNegative(Libc.write(_fd, from, (nuint)command.Length), $"write {_path}");
        }
    }

    /// <summary>Waits for the answer.</summary>
    /// <param name="timeout">Milliseconds.</param>
    /// <exception cref="TimeoutException">The device did not answer in time.</exception>
    public int Read(Span<byte> response, int timeout)
    {
        var entry = new Libc.PollEntry { fd = _fd, events = Libc.POLLIN };
        int ready = Libc.poll(&entry, 1, timeout);
        ErrnoException.ThrowIfNegative(ready, $"poll {_path}");
        if (ready == 0)
        {
            throw new TimeoutException($"{_path} did not answer within {timeout} ms");
        }

        fixed (byte* into = response)
        {
            nint got = Libc.read(_fd, into, (nuint)response.Length);
            ErrnoException.ThrowIfNegative(got, $"read {_path}");
            return (int)got;
        }
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
