using System.Buffers.Text;
using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>Replaces this process by another program, and what has to survive that; who started it.</summary>
public static unsafe class ProcessImage
{
    const int LockTries = 20;
    const int LockPauseMilliseconds = 50;
    static int _lock = -1;

    /// <summary>The process that started this one.</summary>
    public static int ParentPid => Libc.getppid();

    /// <summary>execve(2). Returns only by exception.</summary>
    /// <param name="environment">Added to this process's own.</param>
    /// <exception cref="ErrnoException">The program could not be started.</exception>
    public static void Replace(
        string path, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            variables[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        foreach ((string key, string value) in environment)
        {
            variables[key] = value;
        }

        if (_lock >= 0)
        {
            const int setFlags = 2; // F_SETFD
            _ = Libc.fcntl(_lock, setFlags, 0);
        }

        using var argv = new StringVector([path, .. arguments]);
        using var envp = new StringVector([.. variables.Select(variable => $"{variable.Key}={variable.Value}")]);
        _ = Libc.execve(argv.First, argv.Pointer, envp.Pointer);
        throw ErrnoException.Last($"start {path}");
    }

    /// <summary>
    /// Nobody gets an image of this process's memory: no core file, no handler of core_pattern, and nobody without
    /// CAP_SYS_PTRACE by /proc (PR_SET_DUMPABLE, prctl(2)). Each exec takes it back.
    /// </summary>
    /// <returns>False when the machine refuses.</returns>
    public static bool TryForbidDumps() => Libc.prctl(Libc.PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;

    /// <summary>
    /// Locks a file for this process and what <see cref="Replace"/> makes of it, not for other programs it starts.
    /// </summary>
    /// <returns>False when another process holds the lock. Else the file says who holds it.</returns>
    /// <exception cref="ErrnoException">The file cannot be opened.</exception>
    public static bool TryLock(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            _lock = Libc.open(name, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, 0x180);
            ErrnoException.ThrowIfNegative(_lock, $"open {path}");

            // One that was killed holds it until the kernel has closed all its files.
            for (int tries = LockTries; tries > 0; tries--)
            {
                if (Libc.flock(_lock, Libc.LOCK_EX | Libc.LOCK_NB) == 0)
                {
                    SayWhoHolds();
                    return true;
                }

                Thread.Sleep(LockPauseMilliseconds);
            }

            return false;
        }
    }

    /// <summary>Who holds the lock of <see cref="TryLock"/>.</summary>
    /// <returns>The process, in the pid namespace that it was started in. 0: nobody, or it cannot be told.</returns>
    public static int HolderOfLock(string path)
    {
        int fd;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            fd = Libc.open(name, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        }

        Span<byte> text = stackalloc byte[16];
        int pid = 0;
        if (fd >= 0 && Libc.flock(fd, Libc.LOCK_SH | Libc.LOCK_NB) != 0)
        {
            fixed (byte* to = text)
            {
                nint got = Libc.pread(fd, to, (nuint)text.Length, 0);
                _ = Utf8Parser.TryParse(text[..(int)Math.Max(got, 0)], out pid, out _);
            }
        }

        Descriptors.Close(fd);
        return pid;
    }

    /// <summary>That nobody can be told does not make the lock any worse.</summary>
    static void SayWhoHolds()
    {
        byte[] text = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));
        fixed (byte* from = text)
        {
            _ = Libc.ftruncate(_lock, 0);
            _ = Libc.pwrite(_lock, from, (nuint)text.Length, 0);
        }
    }

    /// <summary>A NULL-terminated array of C strings.</summary>
    sealed class StringVector : IDisposable
    {
        readonly nint[] _strings;
        GCHandle _pin;

        public StringVector(IReadOnlyList<string> strings)
        {
            _strings = new nint[strings.Count + 1];
            for (int i = 0; i < strings.Count; i++)
            {
                _strings[i] = Marshal.StringToCoTaskMemUTF8(strings[i]);
            }

            _pin = GCHandle.Alloc(
                _strings, GCHandleType.Pinned);
        }

        public byte* First => (byte*)_strings[0];

        public byte** Pointer => (byte**)_pin.AddrOfPinnedObject();

        public void Dispose()
        {
            _pin.Free();
            foreach (nint text in _strings)
            {
                Marshal.FreeCoTaskMem(text);
            }
        }
    }
}
