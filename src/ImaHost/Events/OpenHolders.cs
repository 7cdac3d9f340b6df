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

/// <summary>
/// Finds out who holds a file open, by looking through the descriptors and mappings of all processes: user space has
/// no i_readcount and i_writecount, which ima_rdwr_violation_check (security/integrity/ima/ima_main.c) asks. Not seen
/// is what the kernel itself holds, what is under way in a message or registered with an io_uring, and the descriptors
/// of a thread that has its own (CLONE_FILES, unshare(2)). A mapping tells how it is used, not how its file was opened.
/// </summary>
static class OpenHolders
{
    /// <summary>
    /// Those of <paramref name="wanted"/> that there are. What could not be found out, because time or descriptors ran
    /// out, counts as found: a violation too many in the list is better than one missed. Processes that vanish or may
    /// not be looked at are passed over. Throws nothing.
    /// </summary>
    /// <param name="exceptPid">
    /// The guard, which holds descriptors of the very file for its events. This process does not count either.
    /// </param>
    /// <param name="deadline">
    /// In milliseconds of <see cref="Environment.TickCount64"/>. It can be missed only where another file has the same
    /// inode number and lies on a server that does not answer.
    /// </param>
    public static Holders Find(in FileStat file, Holders wanted, int exceptPid, long deadline)
    {
        var search = new Search(in file, wanted, exceptPid, deadline);
        search.LookAtAll(search.LookAtDescriptors);
        search.LookAtAll(search.LookAtMappings);
        return wanted & ~search.Missing;
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

        readonly FileStat _file;
        readonly int _exceptPid;
        readonly long _deadline;
        readonly byte[] _buffer = new byte[LineBufferSize];

        public Search(in FileStat file, Holders wanted, int exceptPid, long deadline)
        {
            _file = file;
            Missing = wanted;
            _exceptPid = exceptPid;
            _deadline = deadline;
        }

        /// <summary>What is wanted and not found yet. When it is nothing the search is over.</summary>
        public Holders Missing { get; private set; }

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
            Missing = isRealProc ? Missing : Holders.None;
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
                Missing = Holders.None;
            }
            else if ((Missing & info.Holder) != 0
                && (info.Inode ?? _file.Inode) == _file.Inode
                && IsTheFile(string.Create(CultureInfo.InvariantCulture, $"{task}/fd/{number}")))
            {
                Missing &= ~info.Holder;
            }
        }

        void LookAtMapping(string task, ReadOnlySpan<byte> line)
        {
            if (MapsLine.TryParse(line, out MapsLine mapping)
                && mapping.Inode != 0
                && mapping.Inode == _file.Inode
                && (Missing & mapping.Holder) != 0
                && (IsOnItsDevice(in mapping) || IsNamed(task, mapping.Path)))
            {
                Missing &= ~mapping.Holder;
            }
        }

        bool IsOnItsDevice(in MapsLine mapping) =>
            mapping.DeviceMajor == _file.DeviceMajor && mapping.DeviceMinor == _file.DeviceMinor;

        /// <summary>For btrfs and overlayfs, whose mappings show another device than statx(2) does.</summary>
        bool IsNamed(string task, ReadOnlySpan<byte> bytes)
        {
            if (!bytes.StartsWith((byte)'/'))
            {
                return false;
            }

            // In a container the path is that of its own mount namespace.
            string path = Encoding.UTF8.GetString(bytes);
            return IsTheFile(path) || IsTheFile($"{task}/root{path}");
        }

        bool IsTheFile(string path) =>
            FileStat.TryOfPath(path, out FileStat stat)
            && stat.Inode == _file.Inode
            && stat.DeviceMajor == _file.DeviceMajor
            && stat.DeviceMinor == _file.DeviceMinor;

        /// <summary>At the deadline what is missing counts as found.</summary>
        bool IsOver()
        {
            if (Environment.TickCount64 >= _deadline)
            {
                Missing = Holders.None;
            }

            return Missing == Holders.None;
        }

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
                Missing = Holders.None;
            }
        }
    }
}
