using System.Globalization;
using ImaHost.Events;
using ImaHost.Interop;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Looks whether anybody besides the guard holds its fanotify group. The kernel opens the gate when the last descriptor
/// of the group is closed; if the guard dies while somebody else has one, nobody answers and everything waits. Seen are
/// the descriptors of each process in our pid namespace, as its first thread has them.
/// </summary>
sealed class SelfCheck(int guardPid, ILogger log)
{
    const int PeriodMilliseconds = 60_000;

    /// <summary>A child of the guard has all its descriptors until its exec: who has one for longer, holds it.</summary>
    const int ForkMilliseconds = 100;

    const int LinkSize = 64;

    readonly Lock _gate = new();
    readonly Dictionary<int, string> _holders = [];
    int? _group;

    /// <summary>Looks at the start, and now and then, for as long as the process lives.</summary>
    public void Run()
    {
        for (;;)
        {
            _ = Look();
            Thread.Sleep(PeriodMilliseconds);
        }
    }

    /// <summary>Looks now.</summary>
    /// <returns>A fault for each who holds it.</returns>
    public IReadOnlyList<string> Look()
    {
        lock (_gate)
        {
            // The guard has opened it before it started any host.
            _group ??= GroupsOf(guardPid).Select(descriptor => (int?)descriptor).FirstOrDefault();
            List<int> holders = Find();
            if (holders.Exists(pid => !_holders.ContainsKey(pid)))
            {
                Thread.Sleep(ForkMilliseconds);
                holders = [.. holders.Intersect(Find())];
            }

            Note(holders);
            return [.. _holders.Values];
        }
    }

    void Note(List<int> holders)
    {
        foreach (int pid in _holders.Keys.Except(holders).ToList())
        {
            _ = _holders.Remove(pid);
        }

        foreach (int pid in holders.Where(pid => !_holders.ContainsKey(pid)))
        {
            string comm = Accessor.ReadName(pid);
            _holders[pid] = string.Create(
                CultureInfo.InvariantCulture,
                $"\"{comm}\" (pid {pid}) holds the guard's fanotify group: if the guard dies, everything waits for it");
            Logging.GroupHeld(log, comm, pid);
        }
    }

    List<int> Find()
    {
        var holders = new List<int>();
        if (_group is not { } group)
        {
            return holders;
        }

        using var processes = new NumberedEntries("/proc", static _ => { });
        while (processes.MoveNext())
        {
            int pid = processes.Current;
            if (pid != guardPid && GroupsOf(pid).Exists(other => ProcessDirectory.ShareFile((guardPid, group), (pid, other))))
            {
                holders.Add(pid);
            }
        }

        return holders;
    }

    /// <summary>The descriptors of a process that are fanotify groups, whosever.</summary>
    static List<int> GroupsOf(int pid)
    {
        var groups = new List<int>();
        using ProcessDirectory process = ProcessDirectory.Open(pid);
        // Not those of fd, which are links: the enumeration looks at where they lead. That may be a file of ours, and
        // then this process would wait for itself.
        using var descriptors = new NumberedEntries(
            string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fdinfo"), static _ => { });
        Span<byte> name = stackalloc byte[16];
        Span<byte> link = stackalloc byte[LinkSize];
        "fd/"u8.CopyTo(name);
        while (descriptors.MoveNext())
        {
            _ = descriptors.Current.TryFormat(name[3..], out int digits, default, CultureInfo.InvariantCulture);
            name[3 + digits] = 0;
            int length = process.ReadLink(name, link);
            if (length > 0 && link[..length].SequenceEqual("anon_inode:[fanotify]"u8))
            {
                groups.Add(descriptors.Current);
            }
        }

        return groups;
    }
}
