using System.Globalization;
using ImaHost.Fs;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Seals, exports and erases segments while the host runs: two threads that no access waits for. The second has the
/// target of the export to wait for, which may be slow or gone. Earlier lists, whose hosts could not do it any more, come
/// before the one that is written.
/// </summary>
sealed class SegmentUpkeep : IDisposable
{
    const int PollMilliseconds = 250;
    const int FlushMilliseconds = 2000;

    /// <summary>Earlier lists change by what a hook gets, and by their age: to look takes longer than for the current one.</summary>
    const int EarlierMilliseconds = 60_000;

    readonly LogOptions _options;
    readonly RuntimeMeasurements _list;
    readonly ListSealer _sealer;
    readonly EarlierLists _earlier;
    readonly ListRetention _retention;
    readonly ILogger _log;
    ExportTarget? _next;
    string? _said;
    long _grownSince = Environment.TickCount64;
    long _lookAt;
    int _growing;

    /// <param name="quotes">Has the TPM sign each manifest; null: none is signed.</param>
    public SegmentUpkeep(
        LogOptions options, RuntimeMeasurements list, ListSettings settings, QuoteSource? quotes, ILogger log)
    {
        _options = options;
        _list = list;
        _log = log;
        Window = new ListWindow(list.Log, Warn);
        Staging = new StagingCommands(Window, Administrators.Include);
        _sealer = new ListSealer(list, settings, ProductVersion.Text, quotes);
        _earlier = new EarlierLists(list, settings, ProductVersion.Text);
        Exports = new ListExports(options, list.Log.Path, _earlier, log);
        _retention = new ListRetention(list, Window);
    }

    /// <summary>What of the list is published.</summary>
    public ListWindow Window { get; }

    /// <summary>What is written to the published files.</summary>
    public StagingCommands Staging { get; }

    /// <summary>Where segments go.</summary>
    public ListExports Exports { get; }

    /// <summary>Held by whoever exports or erases.</summary>
    public Lock Exporting { get; } = new();

    public SegmentStatus Status => new(
        _list.Log.Segments.Count, _sealer.Count, Window.Current.From.Entries, Exports.State?.Target,
        Exports.State?.Next ?? 0, Exports.State?.Failed ?? Exports.Held)
    {
        Erased = _list.Log.ErasedCount,
        KeptBytes = _list.Log.KeptBytes,
        LastSeal = _list.Log.LastSeal,
    };

    /// <summary>What wants attention now.</summary>
    public IEnumerable<string> Faults => new[]
    {
        _sealer.Fault,
        Exports.State is { Failed: { } why } failed
            ? $"the export to {failed.Target} has stopped: {why}; it goes on when a target is set (imahost segments export)"
            : null,
        Exports.Held,
        _retention.Fault,
        _earlier.Fault,
    }.OfType<string>();

    /// <summary>Why a segment could not be sealed, or null.</summary>
    public string? SealingFault => _sealer.Fault;

    /// <summary>Why a segment of the list could not be erased, or null.</summary>
    public string? RetentionFault => _retention.Fault;

    /// <summary>Segments of the list that are sealed.</summary>
    public int Sealed => _sealer.Count;

    /// <summary>Seals what is left of earlier lists, and what is closed, for ever.</summary>
    public void RunSealing()
    {
        for (;;)
        {
            SealOnce();
            Thread.Sleep(PollMilliseconds);
        }
    }

    /// <summary>Seals what can be sealed now.</summary>
    public void SealOnce()
    {
        SealEarlier();
        CutWhatIsOld();
        _ = _sealer.SealClosed();
    }

    /// <summary>Exports what is sealed and erases what need not be kept, for ever.</summary>
    public void RunExporting()
    {
        for (;;)
        {
            ExportOnce();
            Thread.Sleep(PollMilliseconds);
        }
    }

    /// <summary>Exports and erases what can be now.</summary>
    public void ExportOnce()
    {
        lock (Exporting)
        {
            if (Interlocked.Exchange(ref _next, null) is { } next)
            {
                _ = SetTarget(next);
            }

            Exports.Export();
            Say(Exports.State?.Failed is { } failed ? $"the export to {Exports.State.Target} has stopped until a new target is set: {failed}" : Exports.Held);
            _ = Erase(_options.Retention);
            EraseEarlier();
        }
    }

    /// <summary>The service ends, or the machine does: everything up to now is sealed, and exported if the target is quick.</summary>
    public void Flush()
    {
        _sealer.SealAll();
        var exporting = new Thread(() =>
        {
            SealEarlier();
            ExportOnce();
        })
        {
            IsBackground = true,
        };
        exporting.Start();
        _ = exporting.Join(FlushMilliseconds);
    }

    /// <summary>What is closed and not sealed, or has not come to where it goes: each a sentence.</summary>
    public IEnumerable<string> Left()
    {
        int open = _list.Log.Segments.Count(one => one is { End: not null, Sealed: null });
        if (open > 0)
        {
            yield return _sealer.Fault ?? string.Create(CultureInfo.InvariantCulture, $"{open} segments of {_list.Log.Path} are not sealed");
        }

        if (!_earlier.IsSealed)
        {
            yield return "lists of earlier boots are being sealed";
        }

        foreach (string one in Exports.Left())
        {
            yield return one;
        }
    }

    /// <summary>
    /// Erases what need not be kept of the list. Whoever reads the list now shall find what follows where it was: then
    /// another time.
    /// </summary>
    public IReadOnlyList<ErasedSegment> Erase(Retention retention)
    {
        if (Staging.IsRead)
        {
            return [];
        }

        IReadOnlyList<ErasedSegment> erased = _retention.Apply(retention, Exports.FirstMissing(_list.Log.Path));
        foreach (ErasedSegment one in erased)
        {
            SegmentLog.Erased(_log, one.Segment, _list.Log.Path, one.Warning);
        }

        return erased;
    }

    public void Dispose()
    {
        _sealer.Dispose();
        _earlier.Dispose();
        _retention.Dispose();
    }

    /// <summary>The target is set when the one before lets go.</summary>
    public void SetTargetLater(ExportTarget target) => Volatile.Write(ref _next, target);

    /// <returns>Why not, or null.</returns>
    public string? SetTarget(ExportTarget target)
    {
        try
        {
            Exports.SetTarget(target);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    void Warn(string why) => SegmentLog.Trouble(_log, why);

    void SealEarlier() => _earlier.Seal(Warn, (list, count) => SegmentLog.SealedEarlier(_log, list, count));

    void EraseEarlier()
    {
        if (_earlier.IsSealed && Environment.TickCount64 >= _lookAt)
        {
            _lookAt = Environment.TickCount64 + EarlierMilliseconds;
            _earlier.Apply(
                _options.Retention, Exports.FirstMissing, (list, one) => SegmentLog.Erased(_log, one.Segment, list, one.Warning));
        }
    }

    void Say(string? failed)
    {
        if (failed != null && failed != _said)
        {
            SegmentLog.ExportFailed(_log, failed);
        }

        _said = failed;
    }

    void CutWhatIsOld()
    {
        LogSegment growing = _list.Log.Segments[^1];
        if (growing.Number != _growing || _list.Log.Extent.Entries == growing.Start.Entries)
        {
            _growing = growing.Number;
            _grownSince = Environment.TickCount64;
        }
        else if (_options.Export is { MaxAge: > 0 and long age } && Environment.TickCount64 - _grownSince >= 1000 * age)
        {
            _list.Cut();
        }
    }
}

/// <param name="Count">With the one that grows.</param>
/// <param name="FirstEntry">The first entry that is published.</param>
/// <param name="Target">Of the export, or null.</param>
/// <param name="Exported">Segments.</param>
/// <param name="Failed">Why the export has stopped, or null.</param>
sealed record SegmentStatus(int Count, int Sealed, long FirstEntry, string? Target, int Exported, string? Failed)
{
    /// <summary>Segments whose bytes are gone.</summary>
    public required int Erased { get; init; }

    /// <summary>Of the list, that are not erased.</summary>
    public required long KeptBytes { get; init; }

    /// <summary>When a segment was sealed last, UTC; null: none ever was.</summary>
    public required DateTime? LastSeal { get; init; }
}

static partial class SegmentLog
{
    [LoggerMessage(
        EventId = 60, Level = LogLevel.Error, Message = "nothing is lost, but {Cause}")]
    public static partial void ExportFailed(ILogger log, string cause);

    [LoggerMessage(EventId = 61, Level = LogLevel.Warning, Message = "segment {Segment} of {List} is erased: {Note}")]
    public static partial void Erased(ILogger log, int segment, string list, string note);

    [LoggerMessage(EventId = 63, Level = LogLevel.Warning, Message = "{Cause}")]
    public static partial void Trouble(ILogger log, string cause);

    [LoggerMessage(
        EventId = 64, Level = LogLevel.Information, Message = "{Count} segments that an earlier host has left in {List} are sealed")]
    public static partial void SealedEarlier(ILogger log, string list, int count);
}
