using System.Globalization;

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

    /// <summary>The nearest process of that name that this one was started by.</summary>
    /// <returns>Null: there is none.</returns>
    public static ProcessIdentity? FindAncestor(string name)
    {
        for (int pid = Environment.ProcessId; pid > 1 && TryReadStat(pid, out string comm, out string[] fields);)
        {
            if (comm == name)
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

    static long StartOf(string[] fields) => long.Parse(fields[StartField], CultureInfo.InvariantCulture);

    /// <param name="fields">Those after the name, which may itself have spaces and brackets.</param>
    static bool TryReadStat(int pid, out string comm, out string[] fields)
    {
        string text;
        try
        {
            text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        }
        catch (IOException)
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
}
