using System.Globalization;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Events;

/// <summary>A file that is in use.</summary>
/// <param name="Device">Of its filesystem, as /proc/PID/maps shows it (s_dev).</param>
/// <param name="Access">Exec: it is a process's program; Elf: it is mapped to be executed.</param>
readonly record struct RunningFile(DeviceNumber Device, ulong Inode, GuardAccess Access);

/// <summary>Who uses a file, and where /proc still has it, also when it has no name any more.</summary>
/// <param name="Pid">Whose. Of a process whose first thread has ended, another thread.</param>
/// <param name="Start">Where its mapping begins.</param>
/// <param name="End">Where that ends; 0: it is the program.</param>
readonly record struct RunningPlace(int Pid, ulong Start = 0, ulong End = 0)
{
    /// <summary>The link that opens it (proc_pid_exe(5), proc_pid_map_files(5)).</summary>
    public string Link => End == 0
        ? string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/exe")
        : string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/map_files/{Start:x}-{End:x}");
}

/// <summary>Is a mapping asked about?</summary>
/// <param name="path">As the kernel tells it, " (deleted)" included.</param>
delegate bool MappingFilter(DeviceNumber device, ReadOnlySpan<byte> path);

/// <summary>
/// Finds the programs that run and the files that are mapped to be executed: each once, with some of the processes that
/// use it. Processes that vanish meanwhile are passed over. For one thread.
/// </summary>
sealed class RunningFiles(MappingFilter filter)
{
    /// <summary>Rules may ask who uses a file; of so many it is asked.</summary>
    const int MostPlaces = 32;

    const int MostThreads = 16;
    const int MostPauseMilliseconds = 50;
    const int LineBufferSize = 8 * 1024;
    const int MaxPath = 4096; // PATH_MAX, include/uapi/linux/limits.h

    readonly Dictionary<RunningFile, List<RunningPlace>> _files = [];
    readonly byte[] _lines = new byte[LineBufferSize];
    readonly byte[] _path = new byte[MaxPath];

    /// <summary>The files that were found, and where they can be had.</summary>
    public IReadOnlyDictionary<RunningFile, List<RunningPlace>> Files => _files;

    /// <summary>How many files there are. A program of one process can be mapped by another.</summary>
    public int Count => _files.Keys.Select(file => (file.Device, file.Inode)).Distinct().Count();

    /// <summary>The processes that have any of them.</summary>
    public int Processes { get; private set; }

    /// <summary>Looks at all processes there are, and leaves others as much of the processor as it takes.</summary>
    /// <param name="except">Those that are passed over.</param>
    public void ReadAll(params ReadOnlySpan<int> except)
    {
        using var processes = new NumberedEntries("/proc", static _ => { });
        while (processes.MoveNext())
        {
            if (!except.Contains(processes.Current))
            {
                long begun = Environment.TickCount64;
                Read(processes.Current);
                Thread.Sleep((int)Math.Min(Environment.TickCount64 - begun, MostPauseMilliseconds));
            }
        }
    }

    /// <summary>Looks at one process.</summary>
    public void Read(int pid)
    {
        bool found = TryRead(pid, out bool isShown);
        if (!isShown)
        {
            // What a process shows is its first thread's, which may have ended before the others.
            found = ReadThreads(pid);
        }

        Processes += found ? 1 : 0;
    }

    bool ReadThreads(int pid)
    {
        Span<int> threads = stackalloc int[MostThreads];
        using ProcessDirectory process = ProcessDirectory.Open(pid);
        foreach (int thread in threads[..process.ReadThreads(threads)])
        {
            bool found = TryRead(thread, out bool isShown);
            if (isShown)
            {
                return found;
            }
        }

        return false;
    }

    /// <param name="isShown">It has memory: it is no thread of the kernel, and lives.</param>
    /// <returns>It uses a file that is asked about.</returns>
    bool TryRead(int pid, out bool isShown)
    {
        using ProcessDirectory process = ProcessDirectory.Open(pid);
        using HeldFile? maps = process.TryOpen("maps\0"u8);
        isShown = false;
        if (maps == null)
        {
            return false;
        }

        bool hasProgram = process.TryStat("exe\0"u8, out FileStat program);
        ReadOnlySpan<byte> path = _path.AsSpan(0, Math.Max(process.ReadLink("exe\0"u8, _path), 0));
        bool isMapped = false;
        bool found = false;
        var reader = new LineReader(maps, _lines);
        while (reader.TryRead(out ReadOnlySpan<byte> line))
        {
            isShown = true;
            if (MapsLine.TryParse(line, out MapsLine mapping) && mapping is { IsExecutable: true, Inode: not 0 })
            {
                bool isProgram = hasProgram && IsProgram(in mapping, in program, path);
                isMapped |= isProgram;
                found |= Take(in mapping, isProgram, pid);
            }
        }

        // A program may have moved all its code elsewhere.
        return isShown && hasProgram && !isMapped ? TakeProgram(in program, path, pid) || found : found;
    }

    /// <summary>
    /// The mappings of btrfs and overlayfs show another device than statx(2) does, but the path is told alike: a newline
    /// apart.
    /// </summary>
    static bool IsProgram(in MapsLine mapping, in FileStat program, ReadOnlySpan<byte> path) =>
        mapping.Inode == program.Inode
        && ((mapping.DeviceMajor == program.DeviceMajor && mapping.DeviceMinor == program.DeviceMinor)
            || mapping.Path.SequenceEqual(path));

    bool TakeProgram(in FileStat program, ReadOnlySpan<byte> path, int pid)
    {
        var device = new DeviceNumber(program.DeviceMajor, program.DeviceMinor);
        return filter(device, path)
            && Add(new RunningFile(device, program.Inode, GuardAccess.Exec), new RunningPlace(pid));
    }

    bool Take(in MapsLine mapping, bool isProgram, int pid)
    {
        var device = new DeviceNumber(mapping.DeviceMajor, mapping.DeviceMinor);
        return filter(device, mapping.Path)
            && mapping.TryReadRange(out (ulong Start, ulong End) range)
            && (isProgram
                ? Add(new RunningFile(device, mapping.Inode, GuardAccess.Exec), new RunningPlace(pid))
                : Add(new RunningFile(device, mapping.Inode, GuardAccess.Elf), new RunningPlace(pid, range.Start, range.End)));
    }

    bool Add(RunningFile file, RunningPlace place)
    {
        if (!_files.TryGetValue(file, out List<RunningPlace>? places))
        {
            _files[file] = places = [];
        }

        if (places.Count < MostPlaces)
        {
            places.Add(place);
        }

        return true;
    }
}
