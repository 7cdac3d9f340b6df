using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>A process, and no other one that gets its number later.</summary>
/// <param name="StartTicks">When it started, in clock ticks after the boot (field 22 of proc_pid_stat(5)).</param>
readonly record struct ProcessIdentity(int Pid, long StartTicks)
{
    const int ParentField = 1;
    const int StateField = 0;
    const int StartField = 19;

    /// <summary>Does it still run?</summary>
    public bool IsAlive =>
        TryReadStat(Pid, out _, out string[] fields) && StartOf(fields) == StartTicks && fields[StateField] is not ("Z" or "X");

    /// <summary>
    /// The nearest process of that name that this one was started by. Anybody can give a process any name: it has to be
    /// root's, run a program that only root can write, and have none that is not root's between it and this one.
    /// </summary>
    /// <returns>Null: there is none.</returns>
    public static ProcessIdentity? FindAncestor(string name) => FindAncestor(name, Environment.ProcessId);

    /// <summary>The same, from another process on.</summary>
    public static ProcessIdentity? FindAncestor(string name, int from)
    {
        for (int pid = from; pid > 1 && IsRoots(pid) && TryReadStat(pid, out string comm, out string[] fields);)
        {
            if (comm == name && FileStat.TryOfPath(In(pid, "exe"), out FileStat program) && !program.IsExposed)
            {
                return new ProcessIdentity(pid, StartOf(fields));
            }

            pid = int.Parse(fields[ParentField], CultureInfo.InvariantCulture);
        }

        return null;
    }

    /// <summary>What a process is, if it is there.</summary>
    public static ProcessIdentity? Of(int pid) =>
        TryReadStat(pid, out _, out string[] fields) ? new ProcessIdentity(pid, StartOf(fields)) : null;

    /// <summary>By its real user: what a set-user-ID program was started by is not root's.</summary>
    static bool IsRoots(int pid) =>
        TryReadText(pid, "status", out string text) && text.Contains("\nUid:\t0\t", StringComparison.Ordinal);

    static long StartOf(string[] fields) => long.Parse(fields[StartField], CultureInfo.InvariantCulture);

    /// <param name="fields">Those after the name, which may itself have spaces and brackets.</param>
    static bool TryReadStat(int pid, out string comm, out string[] fields)
    {
        if (!TryReadText(pid, "stat", out string text))
        {
            comm = "";
            fields = [];
            return false;
        }

        int open = text.IndexOf('(', StringComparison.Ordinal);
        int close = text.LastIndexOf(')');
        comm = text[(open + 1)..close];
        fields = text[(close + 2)..].Split(' ');
        return fields.Length > StartField;
    }

    static bool TryReadText(int pid, string name, out string text)
    {
        try
        {
            text = File.ReadAllText(In(pid, name));
            return true;
        }
        catch (IOException)
        {
            text = "";
            return false;
        }
    }

    static string In(int pid, string name) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{name}");
}
