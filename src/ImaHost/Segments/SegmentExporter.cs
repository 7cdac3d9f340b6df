using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Segments;

/// <summary>
/// Copies sealed segments of one list to a target, in order, each once. What fails stops it until a new target is set:
/// nothing is left out in the middle. The segments stay where they are, so nothing is lost meanwhile.
/// </summary>
/// <param name="warn">Hears of files in which it was kept how far it has come, and which are damaged.</param>
sealed class SegmentExporter(string list, Action<string>? warn = null)
{
    readonly Lock _gate = new();
    ExportState? _state = ExportState.Read(list, warn);

    /// <summary>Null: there is no target.</summary>
    public ExportState? State => Volatile.Read(ref _state);

    /// <summary>Sealed segments that are there and that it has not had.</summary>
    public int CountLeft() => SegmentFiles.CountThere(list, State?.Next ?? 0);

    /// <summary>
    /// What the configuration names: a new target if it named another one before, for whichever list. The same one goes on
    /// growing, with this list behind those before it; and what a command has set for this list meanwhile stays.
    /// </summary>
    /// <param name="memory">The file that says what was configured before.</param>
    /// <exception cref="IOException">The target cannot be made, or the file not be written.</exception>
    public void Configure(ExportTarget target, string memory)
    {
        var now = new ConfiguredExport(target.ToString(), Path.GetFileName(list));
        ConfiguredExport? before = ConfiguredExport.Read(memory, target, warn);
        if ((before?.Target ?? _state?.Target) != now.Target)
        {
            SetTarget(target);
        }
        else if (before != null && (_state == null || (before != now && _state.Target == now.Target)))
        {
            GoOn(target, before.List);
        }

        if (before != now)
        {
            now.Write(memory);
        }
    }

    /// <summary>Goes on in a target behind what another list has put there, without the half segment that a crash has left.</summary>
    void GoOn(ExportTarget target, string other)
    {
        lock (_gate)
        {
            long length = 0;
            if (!target.IsDirectory)
            {
                using var file = new AppendFile(target.Path);
                length = Math.Min(file.Length, ReachedBy(other, target));
                file.Truncate(length);
            }

            Save(_state is { } known ? known with { Bytes = length } : new ExportState(target.ToString(), FirstThere(), length, null));
        }
    }

    /// <summary>The length of the target after the last segment of another list; the most there is if that list does not say.</summary>
    long ReachedBy(string other, ExportTarget target) =>
        other.Length > 0 && other != Path.GetFileName(list)
        && ExportState.Read(Path.Combine(Path.GetDirectoryName(list)!, other)) is { } state && state.Target == target.ToString()
            ? state.Bytes
            : long.MaxValue;

    /// <summary>Begins anew with the first segment that is there, and forgets that something failed.</summary>
    /// <exception cref="IOException">The target cannot be made.</exception>
    public void SetTarget(ExportTarget target)
    {
        lock (_gate)
        {
            long length = 0;
            if (!target.IsDirectory)
            {
                using var file = new AppendFile(target.Path);
                length = target.Append ? file.Length : 0;
                file.Truncate(length);
            }

            Save(new ExportState(target.ToString(), FirstThere(), length, null));
        }
    }

    /// <summary>There is no target any more.</summary>
    /// <exception cref="IOException">The disk refused it.</exception>
    public void Forget()
    {
        lock (_gate)
        {
            ExportState.Forget(list);
            Volatile.Write(ref _state, null);
        }
    }

    /// <summary>What is erased cannot be exported any more.</summary>
    int FirstThere()
    {
        int first = 0;
        while (File.Exists(SegmentFiles.Manifest(list, first)) && !File.Exists(SegmentFiles.Data(list, first)))
        {
            first++;
        }

        return first;
    }

    /// <summary>The target cannot be one: that is a failure like any other.</summary>
    public void Refuse(ExportTarget target, string why)
    {
        lock (_gate)
        {
            Volatile.Write(ref _state, new ExportState(target.ToString(), 0, 0, why));
        }
    }

    /// <summary>Exports what is sealed and was not exported yet.</summary>
    /// <returns>How many segments that were.</returns>
    public int Export()
    {
        int done = 0;
        lock (_gate)
        {
            while (_state is { Failed: null } state && File.Exists(SegmentFiles.Manifest(list, state.Next)))
            {
                if (!File.Exists(SegmentFiles.Data(list, state.Next)))
                {
                    // Erased while no export was configured.
                    Volatile.Write(ref _state, state with { Next = state.Next + 1 });
                    continue;
                }

                if (!TryExport(state))
                {
                    break;
                }

                done++;
            }
        }

        return done;
    }

    bool TryExport(ExportState state)
    {
        try
        {
            ExportTarget target = ExportTarget.TryParse(state.Target) ?? throw new IOException($"\"{state.Target}\" is no target");
            long length = target.IsDirectory ? CopyFiles(state.Next, target.Path) : Append(state, target.Path);
            Save(state with { Next = state.Next + 1, Bytes = length });
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string failed = string.Create(CultureInfo.InvariantCulture, $"segment {state.Next} was not exported: {e.Message}");
            Volatile.Write(ref _state, state with { Failed = failed });
            TryRemember();
            return false;
        }
    }

    /// <summary>What half of a segment an earlier attempt has left is written over.</summary>
    long Append(ExportState state, string path)
    {
        using AppendFile from = AppendFile.OpenToRead(SegmentFiles.Data(list, state.Next));
        using var to = new AppendFile(path);
        if (to.Length < state.Bytes)
        {
            throw new IOException($"{path} has {to.Length} bytes of the {state.Bytes} that were exported: something cut it");
        }

        to.Truncate(state.Bytes);
        long length = Copy(from, to, state.Bytes);
        to.Flush();
        return length;
    }

    /// <summary>The manifest last: what has one is complete.</summary>
    long CopyFiles(int number, string path)
    {
        string into = Path.Combine(path, Path.GetFileName(list));
        if (!Directory.Exists(path))
        {
            throw new IOException($"there is no directory {path}");
        }

        _ = Directory.CreateDirectory(into);
        long length = 0;
        foreach (string file in (string[])[SegmentFiles.Data(list, number), SegmentFiles.Detached(list, number), SegmentFiles.Manifest(list, number)])
        {
            string copy = Path.Combine(into, Path.GetFileName(file));
            File.Delete(copy + ".new");
            using (AppendFile from = AppendFile.OpenToRead(file))
            using (var to = new AppendFile(copy + ".new"))
            {
                length += Copy(from, to, 0);
                to.Flush();
            }

            File.Move(copy + ".new", copy, overwrite: true);
            DurableFile.SyncDirectory(into);
        }

        return length;
    }

    static long Copy(AppendFile from, AppendFile to, long at)
    {
        byte[] buffer = new byte[1 << 16];
        long done = 0;
        for (int got; (got = from.ReadAt(buffer, done)) > 0; done += got)
        {
            to.WriteAt(buffer.AsSpan(0, got), at + done);
        }

        return at + done;
    }

    void Save(ExportState state)
    {
        state.Write(list);
        Volatile.Write(ref _state, state);
    }

    /// <summary>A disk that has no room for it: the next host tries the same segment again, and finds the same.</summary>
    void TryRemember()
    {
        try
        {
            _state!.Write(list);
        }
        catch (IOException)
        {
        }
    }
}
