using System.Globalization;
using System.Text;
using ImaHost.Interop;

namespace ImaHost.Events;

/// <summary>Who has a file open.</summary>
[Flags]
enum Holders
{
    None = 0,
    /// <summary>Somebody who may read and not write: what the kernel counts as i_readcount.</summary>
    Reader = 1,
    /// <summary>Somebody who may write: i_writecount.</summary>
    Writer = 2,
}

/// <summary>Who holds one file open?</summary>
/// <param name="wanted">Who is asked about.</param>
sealed class HolderQuery(FileStat file, Holders wanted)
{
    public FileStat File => file;

    /// <summary>Those asked about that were not found yet.</summary>
    public Holders Missing { get; private set; } = wanted;

    /// <summary>Those asked about that there are.</summary>
    public Holders Found { get; private set; }

    public bool IsAbout(in FileStat other) =>
        other.Inode == file.Inode && other.DeviceMajor == file.DeviceMajor && other.DeviceMinor == file.DeviceMinor;

    /// <returns>True when nothing is missing any more.</returns>
    public bool Settle(Holders found)
    {
        Found |= Missing & found;
        Missing &= ~found;
        return Missing == Holders.None;
    }
}

/// <summary>
/// Finds out who holds a file open, by looking through the descriptors and mappings of all processes: user space has
/// no i_readcount and i_writecount, which ima_rdwr_violation_check (security/integrity/ima/ima_main.c) asks. Not seen
/// is what the kernel itself holds, what is under way in a message or registered with an io_uring, and the descriptors
/// of a thread that has its own (CLONE_FILES, unshare(2)). A mapping tells how it is used, not how its file was opened.
/// </summary>
static class OpenHolders
{
    /// <summary>
    /// Answers all queries in one pass. What could not be found out, because time or descriptors ran out, counts as
    /// found: a violation too many in the list is better than one missed. Processes that vanish or may not be looked
    /// at are passed over. Throws nothing.
    /// </summary>
    /// <param name="exceptPid">
    /// The guard, which holds descriptors of the very files for its events. This process does not count either.
    /// </param>
    /// <param name="deadline">
    /// In milliseconds of <see cref="Environment.TickCount64"/>. It can be missed only where another file has the same
    /// inode number and lies on a server that does not answer.
    /// </param>
    public static void Find(IReadOnlyList<HolderQuery> queries, int exceptPid, long deadline)
    {
        var search = new Search(queries, exceptPid, deadline);
        search.LookAtAll(search.LookAtDescriptors);
        search.LookAtAll(search.LookAtMappings);
    }

    sealed class Search
    {
        // errno.h: the process or descriptor is gone, or is none of our business.
        const int NotPermitted = 1; // EPERM
        const int NoEntry = 2; // ENOENT
        const int NoProcess = 3; // ESRCH
        const int NoAccess = 13; // EACCES

        const int DescriptorTextSize = 512; // the lines that are read come first
        const int LineBufferSize = 8 * 1024;

        readonly ILookup<ulong, HolderQuery> _queries;
        readonly int _exceptPid;
        readonly long _deadline;
        readonly byte[] _buffer = new byte[LineBufferSize];
        int _unsettled;

        public Search(IReadOnlyList<HolderQuery> queries, int exceptPid, long deadline)
        {
            _queries = queries.ToLookup(query => query.File.Inode);
            _unsettled = queries.Count(query => query.Missing != Holders.None);
            _exceptPid = exceptPid;
            _deadline = deadline;
        }

        public void LookAtAll(Func<string, bool> look)
        {
            bool isRealProc = false;
            using var processes = new NumberedEntries("/proc", Weigh);
            while (!IsOver() && processes.MoveNext())
            {
                int pid = processes.Current;
                isRealProc |= pid == Environment.ProcessId;
                if (pid != Environment.ProcessId && pid != _exceptPid)
                {
                    LookAtProcess(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}"), look);
                }
            }

            // One that does not even show us, as when it is not mounted, tells nothing.
            if (!isRealProc)
            {
                GiveUp();
            }
        }

        /// <returns>False when the task shows none.</returns>
        public bool LookAtDescriptors(string task)
        {
            bool isShown = false;
            using var descriptors = new NumberedEntries(task + "/fdinfo", Weigh);
            while (!IsOver() && descriptors.MoveNext())
            {
                isShown = true;
                LookAtDescriptor(task, descriptors.Current);
            }

            return isShown;
        }

        /// <returns>False when the task shows none.</returns>
        public bool LookAtMappings(string task)
        {
            using HeldFile? maps = TryOpen(task + "/maps");
            if (maps == null)
            {
                return false;
            }

            bool isShown = false;
            var reader = new LineReader(maps, _buffer);
            while (!IsOver() && reader.TryRead(out ReadOnlySpan<byte> line))
            {
                isShown = true;
                LookAtMapping(task, line);
            }

            Weigh(reader.Error);
            return isShown;
        }

        void LookAtProcess(string process, Func<string, bool> look)
        {
            if (look(process))
            {
                return;
            }

            // What a process shows is its first thread's, which may have ended before the others.
            using var threads = new NumberedEntries(process + "/task", Weigh);
            while (!IsOver() && threads.MoveNext())
            {
                _ = look(string.Create(CultureInfo.InvariantCulture, $"{process}/task/{threads.Current}"));
            }
        }

        void LookAtDescriptor(string task, int number)
        {
            using HeldFile? text = TryOpen(string.Create(CultureInfo.InvariantCulture, $"{task}/fdinfo/{number}"));
            if (text == null)
            {
                return;
            }

            Span<byte> buffer = stackalloc byte[DescriptorTextSize];
            int length = text.ReadAt(buffer, 0);
            if (length < 0)
            {
                Weigh(-length);
            }
            else if (!DescriptorInfo.TryParse(buffer[..length], out DescriptorInfo info))
            {
                GiveUp();
            }
            else if (info.Holder != Holders.None && (info.Inode == null || _queries.Contains(info.Inode.Value))
                && FileStat.TryOfPath(
                    string.Create(CultureInfo.InvariantCulture, $"{task}/fd/{number}"), out FileStat file))
            {
                Settle(_queries[file.Inode].Where(query => query.IsAbout(in file)), info.Holder);
            }
        }

        void LookAtMapping(string task, ReadOnlySpan<byte> line)
        {
            if (!MapsLine.TryParse(line, out MapsLine mapping) || mapping.Inode == 0 || !_queries.Contains(mapping.Inode))
            {
                return;
            }

            foreach (HolderQuery query in _queries[mapping.Inode])
            {
                if (IsOnItsDevice(in mapping, query) || IsNamed(task, mapping.Path, query))
                {
                    Settle([query], mapping.Holder);
                }
            }
        }

        void Settle(IEnumerable<HolderQuery> queries, Holders found)
        {
            foreach (HolderQuery query in queries)
            {
                if ((query.Missing & found) != 0 && query.Settle(found))
                {
                    _unsettled--;
                }
            }
        }

        static bool IsOnItsDevice(in MapsLine mapping, HolderQuery query) =>
            mapping.DeviceMajor == query.File.DeviceMajor && mapping.DeviceMinor == query.File.DeviceMinor;

        /// <summary>For btrfs and overlayfs, whose mappings show another device than statx(2) does.</summary>
        static bool IsNamed(string task, ReadOnlySpan<byte> bytes, HolderQuery query)
        {
            if (!bytes.StartsWith((byte)'/'))
            {
                return false;
            }

            // In a container the path is that of its own mount namespace.
            string path = Encoding.UTF8.GetString(bytes);
            return IsTheFile(path, query) || IsTheFile($"{task}/root{path}", query);
        }

        static bool IsTheFile(string path, HolderQuery query) =>
            FileStat.TryOfPath(path, out FileStat stat) && query.IsAbout(in stat);

        /// <summary>At the deadline what is missing counts as found.</summary>
        bool IsOver()
        {
            if (Environment.TickCount64 >= _deadline)
            {
                GiveUp();
            }

            return _unsettled == 0;
        }

        void GiveUp() =>
            Settle(_queries.SelectMany(group => group), Holders.Reader | Holders.Writer);

        HeldFile? TryOpen(string path)
        {
            try
            {
                return HeldFile.Open(path);
            }
            catch (ErrnoException e)
            {
                Weigh(e.Errno);
                return null;
            }
        }

        /// <summary>An error that says nothing about whether the file is held makes all of it unknown.</summary>
        void Weigh(int errno)
        {
            if (errno is not (0 or NotPermitted or NoEntry or NoProcess or NoAccess))
            {
                GiveUp();
            }
        }
    }
}
