using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Descriptors that are numbers, where an object for each would be too much.</summary>
static class Descriptors
{
    /// <summary>Closes one, if it is one.</summary>
    public static void Close(int fd)
    {
        if (fd >= 0)
        {
            _ = Libc.close(fd);
        }
    }
}
