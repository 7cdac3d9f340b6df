using System.Text.Json;
using System.Text.Json.Serialization;
using ImaHost.Interop;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// What of the list is published: everything since boot, until an administrator stages or deletes the beginning, as since
/// Linux 7.2 (CONFIG_IMA_STAGING). Nothing of this erases anything: the segments stay, and what was measured once is not
/// measured again. Kept beside the list, so that the next host publishes the same.
/// </summary>
sealed class ListWindow
{
    readonly MeasurementLog _log;
    readonly string _path;
    readonly Lock _gate = new();
    WindowState _state;

    /// <param name="warn">Hears of a damaged file, which counts as none: the whole list is published.</param>
    public ListWindow(MeasurementLog log, Action<string>? warn = null)
    {
        _log = log;
        _path = PathIn(log.Path);
        _state = Read(_path, log.Extent, warn);
        LogExtent erased = log.Segments.TakeWhile(one => one.IsErased).LastOrDefault()?.End ?? default;
        if (erased.Entries > _state.Deleted.Entries)
        {
            _state = new WindowState(erased, Later(erased, _state.Staged));
        }
    }

    /// <summary>The list as it is published.</summary>
    public LogWindow Current
    {
        get
        {
            lock (_gate)
            {
                return new LogWindow(_state.Staged, _log.Extent);
            }
        }
    }

    /// <summary>What was staged and not deleted yet.</summary>
    public LogWindow Staged
    {
        get
        {
            lock (_gate)
            {
                return new LogWindow(_state.Deleted, _state.Staged);
            }
        }
    }

    /// <summary>Entries that are published nowhere any more.</summary>
    public long Deleted
    {
        get
        {
            lock (_gate)
            {
                return _state.Deleted.Entries;
            }
        }
    }

    /// <summary>`A`: moves the whole list to the staged one.</summary>
    /// <returns>False: there is a staged one already, or nothing to stage.</returns>
    public bool TryStage()
    {
        lock (_gate)
        {
            LogExtent end = _log.Extent;
            return _state.Staged == _state.Deleted && end != _state.Staged && Save(new WindowState(_state.Deleted, end));
        }
    }

    /// <summary>`D`: deletes the staged list.</summary>
    /// <returns>False: there is none.</returns>
    public bool TryDeleteStaged()
    {
        lock (_gate)
        {
            return _state.Staged != _state.Deleted && Save(new WindowState(_state.Staged, _state.Staged));
        }
    }

    /// <summary>`N`: deletes that many entries from the list's beginning.</summary>
    /// <returns>False: it has fewer, or there is a staged list.</returns>
    public bool TryDelete(long entries)
    {
        lock (_gate)
        {
            if (entries <= 0 || entries > _log.Extent.Entries - _state.Staged.Entries || _state.Staged != _state.Deleted)
            {
                return false;
            }

            LogExtent end = Find(_state.Staged.Entries + entries);
            return Save(new WindowState(end, end));
        }
    }

    /// <summary>Before a segment is erased: it is not published any more.</summary>
    /// <returns>False when the disk does not take note of it.</returns>
    public bool TryDelete(LogExtent end)
    {
        lock (_gate)
        {
            return end.Entries <= _state.Deleted.Entries || Save(new WindowState(end, Later(end, _state.Staged)));
        }
    }

    static LogExtent Later(LogExtent one, LogExtent other) => one.Entries > other.Entries ? one : other;

    /// <summary>What is staged in a list that nobody writes stands in front of what is published again.</summary>
    /// <exception cref="IOException">The disk refused it.</exception>
    public static void Unstage(string list)
    {
        string path = PathIn(list);
        if (KeptFile.Read(path, Parse, "", warn: null) is { } state && state.Staged != state.Deleted)
        {
            DurableFile.Write(path, ToBytes(state with { Staged = state.Deleted }));
        }
    }

    static string PathIn(string list) => Path.Combine(list, "window");

    /// <summary>One that reaches beyond the list is of another one: a disk that lost power has less of it.</summary>
    static WindowState Read(string path, LogExtent end, Action<string>? warn) =>
        KeptFile.Read(
            path, bytes => Parse(bytes) is { } state && IsWithin(default, state.Deleted) && IsWithin(state.Deleted, state.Staged)
                && IsWithin(state.Staged, end) ? state : null,
            "the whole list is published again", warn)
        ?? new WindowState(default, default);

    static bool IsWithin(LogExtent one, LogExtent other) =>
        one.Entries <= other.Entries && one.BinaryBytes <= other.BinaryBytes && one.AsciiBytes <= other.AsciiBytes;

    static WindowState? Parse(byte[] bytes) => JsonSerializer.Deserialize(bytes, WindowJson.Default.WindowState);

    static byte[] ToBytes(WindowState state) => JsonSerializer.SerializeToUtf8Bytes(state, WindowJson.Default.WindowState);

    /// <summary>Where an entry begins.</summary>
    LogExtent Find(long entry)
    {
        LogExtent at = _log.FindPoint(entry, static extent => extent.Entries);
        var reader = new LogReader(_log.ReadBinary);
        var line = new ByteBuilder();
        reader.Seek(at.BinaryBytes, at.Entries);
        long ascii = at.AsciiBytes;
        while (reader.Next(out MeasurementRecord record) && reader.Number < entry)
        {
            line.Clear();
            record.AppendAscii(line);
            ascii += line.Length;
        }

        return new LogExtent(reader.Number, reader.Offset, ascii);
    }

    bool Save(WindowState state)
    {
        try
        {
            DurableFile.Write(_path, ToBytes(state));
            _state = state;
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}

/// <param name="Deleted">Where the staged list begins.</param>
/// <param name="Staged">Where it ends, and the published one begins.</param>
sealed record WindowState(LogExtent Deleted, LogExtent Staged);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(WindowState))]
sealed partial class WindowJson : JsonSerializerContext;
