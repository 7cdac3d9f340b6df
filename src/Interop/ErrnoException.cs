using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>A system call failed in a way its caller does not expect.</summary>
public sealed class ErrnoException : IOException
{
    /// <param name="what">What was attempted, with the path it concerns: "open /dev/tpmrm0".</param>
    /// <param name="errno">The error number, positive.</param>
    public ErrnoException(string what, int errno)
        : base($"{what}: {Describe(errno)}") => Errno = errno;

    /// <summary>The error number, positive (errno(3)).</summary>
    public int Errno { get; }

    /// <summary>"No such file or directory (ENOENT)".</summary>
    public static unsafe string Describe(int errno)
    {
        string text = Marshal.PtrToStringUTF8((nint)Libc.strerror(errno)) ?? $"error {errno}";
        byte* name = Libc.strerrorname_np(errno);
        return name == null ? text : $"{text} ({Marshal.PtrToStringUTF8((nint)name)})";
    }

    internal static ErrnoException Last(string what) => new(what, Marshal.GetLastPInvokeError());

    internal static void ThrowIfNegative(long result, string what)
    {
        if (result < 0)
        {
            throw Last(what);
        }
    }
}
