using System.Collections;
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
    /// Locks a file for this process and what <see cref="Replace"/> makes of it, not for other programs it starts.
    /// </summary>
    /// <returns>False when another process holds the lock.</returns>
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
                    return true;
                }

                Thread.Sleep(LockPauseMilliseconds);
            }

            return false;
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
