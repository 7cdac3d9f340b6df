using System.Buffers.Text;
using ImaHost.Interop;

namespace ImaHost.Events;

/// <summary>
/// The tasks that could run at one moment and were not let. An exec that passed the gate before its verdict ended, and
/// did not come to where the kernel itself keeps writers out (deny_write_access, fs/exec.c), is one of them: nothing
/// in between waits for anything but a processor. Once each has run, a writer cannot overtake an exec any more.
/// </summary>
sealed class StarvedTasks
{
    /// <summary>Nanoseconds on a processor: far more than an exec takes from the one place to the other.</summary>
    const ulong Enough = 1_000_000;

    const int PollMilliseconds = 5;

    /// <summary>proc_pid_stat(5): what follows the name is the state, and the 17th after that the number of threads.</summary>
    const int ThreadsField = 17;

    readonly List<(int Task, ulong Ran)> _tasks = [];

    StarvedTasks()
    {
    }

    /// <summary>How many have not run yet.</summary>
    public int Count => _tasks.Count;

    /// <summary>Those of this moment, in all processes but this one and the guard. Throws nothing.</summary>
    public static StarvedTasks Now(int guardPid)
    {
        var starved = new StarvedTasks();
        using var processes = new NumberedEntries("/proc", static _ => { });
        while (processes.MoveNext())
        {
            if (processes.Current != Environment.ProcessId && processes.Current != guardPid)
            {
                starved.LookAtProcess(processes.Current);
            }
        }

        return starved;
    }

    /// <summary>Waits until all have run.</summary>
    /// <returns>False when some have not by then.</returns>
    public bool Await(int milliseconds)
    {
        long end = Environment.TickCount64 + milliseconds;
        while (_tasks.RemoveAll(HasRun) >= 0 && _tasks.Count > 0 && Environment.TickCount64 < end)
        {
            Thread.Sleep(PollMilliseconds);
        }

        return _tasks.Count == 0;
    }

    void LookAtProcess(int pid)
    {
        if (!TryReadState(pid, out bool isRunnable, out int threads))
        {
            return;
        }

        if (isRunnable)
        {
            _tasks.Add((pid, ReadTime(pid)));
        }

        if (threads > 1)
        {
            LookAtThreads(pid);
        }
    }

    void LookAtThreads(int pid)
    {
        using var threads = new NumberedEntries($"/proc/{pid}/task", static _ => { });
        while (threads.MoveNext())
        {
            int task = threads.Current;
            if (task != pid && TryReadState(task, out bool isRunnable, out _) && isRunnable)
            {
                _tasks.Add((task, ReadTime(task)));
            }
        }
    }

    /// <summary>It has ended, waits for something, or was on a processor for long enough; or another has its number.</summary>
    static bool HasRun((int Task, ulong Ran) task)
    {
        if (!TryReadState(task.Task, out bool isRunnable, out _) || !isRunnable)
        {
            return true;
        }

        ulong ran = ReadTime(task.Task);
        return ran < task.Ran || ran - task.Ran >= Enough;
    }

    static bool TryReadState(int task, out bool isRunnable, out int threads)
    {
        Span<byte> text = stackalloc byte[512];
        int got = ProcessDirectory.ReadOf(task, "stat\0"u8, text);
        ReadOnlySpan<byte> fields = text[..Math.Max(got, 0)];
        int name = fields.LastIndexOf(") "u8);
        isRunnable = false;
        threads = 0;
        if (name < 0 || name + 2 >= fields.Length)
        {
            return false;
        }

        fields = fields[(name + 2)..];
        isRunnable = fields[0] == (byte)'R';
        for (int i = 0; i < ThreadsField; i++)
        {
            fields = fields[(fields.IndexOf((byte)' ') + 1)..];
        }

        _ = Utf8Parser.TryParse(fields, out threads, out _);
        return true;
    }

    /// <summary>Nanoseconds that it was on a processor, 0 where the kernel does not count them (CONFIG_SCHED_INFO).</summary>
    static ulong ReadTime(int task)
    {
        Span<byte> text = stackalloc byte[64];
        int got = ProcessDirectory.ReadOf(task, "schedstat\0"u8, text);
        return got > 0 && Utf8Parser.TryParse(text[..got], out ulong ran, out _) ? ran : 0;
    }
}
