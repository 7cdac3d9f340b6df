using System.Globalization;
using System.Text;
using ImaHost.Fs;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Seals, exports and erases segments while the host runs: two threads that no access waits for. The second has the
/// target of the export to wait for, which may be slow or gone.
/// </summary>
sealed class SegmentUpkeep : IDisposable
{
    const string Prefix = "segments ";
    const int PollMilliseconds = 250;
    const int FlushMilliseconds = 2000;

    /// <summary>Who asks does not wait longer for a target that does not answer.</summary>
    const int AnswerMilliseconds = 2000;

    readonly LogOptions _options;
    readonly RuntimeMeasurements _list;
    readonly ListSealer _sealer;
    readonly SegmentExporter _exporter;
    readonly ListRetention _retention;
    readonly ILogger _log;
    readonly Lock _exporting = new();
    ExportTarget? _next;
    string? _said;
    long _grownSince = Environment.TickCount64;
    int _growing;

    /// <param name="quotes">Has the TPM sign each manifest; null: none is signed.</param>
    public SegmentUpkeep(
        LogOptions options, RuntimeMeasurements list, ListSettings settings, QuoteSource? quotes, ILogger log)
    {
        _options = options;
        _list = list;
        _log = log;
        Window = new ListWindow(list.Log);
        Staging = new StagingCommands(Window, Administrators.Include);
        _sealer = new ListSealer(list, settings, ProductVersion.Text, quotes);
        _exporter = new SegmentExporter(list.Log.Path);
        _retention = new ListRetention(list, Window);
    }

    /// <summary>What of the list is published.</summary>
    public ListWindow Window { get; }

    /// <summary>What is written to the published files.</summary>
    public StagingCommands Staging { get; }

    public SegmentStatus Status => new(
        _list.Log.Segments.Count, _sealer.Count, Window.Current.From.Entries, _exporter.State?.Target,
        _exporter.State?.Next ?? 0, _exporter.State?.Failed)
    {
        Erased = _list.Log.ErasedCount,
        KeptBytes = _list.Log.KeptBytes,
        LastSeal = _list.Log.LastSeal,
    };

    /// <summary>What wants attention now.</summary>
    public IEnumerable<string> Faults => new[]
    {
        _sealer.Fault,
        _exporter.State is { Failed: { } why } failed
            ? $"the export to {failed.Target} has stopped: {why}; it goes on when a target is set (imahost segments export)"
            : null,
        _retention.Fault,
    }.OfType<string>();

    /// <summary>Seals what is closed, for ever.</summary>
    public void RunSealing()
    {
        for (;;)
        {
            CutWhatIsOld();
            _ = _sealer.SealClosed();
            Thread.Sleep(PollMilliseconds);
        }
    }

    /// <summary>Exports what is sealed and erases what need not be kept, for ever.</summary>
    public void RunExporting()
    {
        Configure();
        for (;;)
        {
            Export();
            Thread.Sleep(PollMilliseconds);
        }
    }

    /// <summary>The service ends, or the machine does: everything up to now is sealed, and exported if the target is quick.</summary>
    public void Flush()
    {
        _sealer.SealAll();
        var exporting = new Thread(Export) { IsBackground = true };
        exporting.Start();
        _ = exporting.Join(FlushMilliseconds);
    }

    /// <returns>Null: that is no such request.</returns>
    public string? Answer(ControlRequest request)
    {
        if (!request.Line.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string[] words = request.Line[Prefix.Length..].Split(' ', 2);
        return words switch
        {
            ["flush"] => AnswerFlush(),
            ["prune", { } what] when LogOptions.TryParseRetention(what) is { } retention => AnswerPrune(retention),
            ["export", { } where] when ExportTarget.TryParse(where) is { } target => AnswerTarget(target),
            _ => null,
        };
    }

    public void Dispose()
    {
        _sealer.Dispose();
        _retention.Dispose();
    }

    void Configure()
    {
        if (_options.Export?.Target is { } target)
        {
            try
            {
                _exporter.Configure(target, StateDirectory.ExportBeside(_list.Log.Path));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _exporter.Refuse(target, e.Message);
            }
        }
    }

    void Export()
    {
        lock (_exporting)
        {
            if (Interlocked.Exchange(ref _next, null) is { } next)
            {
                _ = SetTarget(next);
            }

            _ = _exporter.Export();
            Say(_exporter.State?.Failed);
            Erase(_options.Retention);
        }
    }

    /// <summary>Whoever reads the list now shall find what follows where it was: then another time.</summary>
    IReadOnlyList<ErasedSegment> Erase(Retention retention)
    {
        if (Staging.IsRead)
        {
            return [];
        }

        IReadOnlyList<ErasedSegment> erased = _retention.Apply(retention, _exporter.State?.Next ?? 0);
        foreach (ErasedSegment one in erased)
        {
            SegmentLog.Erased(_log, one.Segment, _list.Log.Path, one.Warning);
        }

        return erased;
    }

    void Say(string? failed)
    {
        if (failed != null && failed != _said)
        {
            SegmentLog.ExportFailed(_log, _exporter.State!.Target, failed);
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

    string AnswerFlush()
    {
        Flush();
        return _sealer.Fault is { } fault ? $"error: {fault}\n"
            : _exporter.State is { Failed: { } failed } ? $"error: {failed}\n"
            : _exporter.State is { } state && state.Next < _sealer.Count ? $"error: {state.Target} is slow: the export goes on\n"
            : string.Create(CultureInfo.InvariantCulture, $"ok: {_sealer.Count} segments are sealed\n");
    }

    string AnswerPrune(Retention retention)
    {
        if (Staging.IsRead)
        {
            return "error: somebody has the published list open: try again when it is closed\n";
        }

        if (!_exporting.TryEnter(AnswerMilliseconds))
        {
            return $"error: {Hangs()}, and nothing is erased meanwhile\n";
        }

        var text = new StringBuilder();
        try
        {
            IReadOnlyList<ErasedSegment> erased = Erase(retention);
            if (_retention.Fault is { } fault)
            {
                return string.Create(CultureInfo.InvariantCulture, $"error: {fault}; {erased.Count} segments before it were erased\n");
            }

            foreach (ErasedSegment one in erased)
            {
                _ = text.Append(
                    CultureInfo.InvariantCulture,
                    $"{one.Segment} {one.FirstEntry} {one.Entries} {one.Bytes} {one.Warning}\n");
            }
        }
        finally
        {
            _exporting.Exit();
        }

        return text.Append("ok\n").ToString();
    }

    /// <summary>A target that hangs keeps nobody from naming another: that counts as soon as the old one lets go.</summary>
    string AnswerTarget(ExportTarget target)
    {
        if (!_exporting.TryEnter(AnswerMilliseconds))
        {
            Volatile.Write(ref _next, target);
            return $"error: {Hangs()}; the new target counts as soon as it does\n";
        }

        try
        {
            return SetTarget(target) is { } error ? $"error: {error}\n" : "ok\n";
        }
        finally
        {
            _exporting.Exit();
        }
    }

    string? SetTarget(ExportTarget target)
    {
        try
        {
            _exporter.SetTarget(target);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    string Hangs() => $"the export to {_exporter.State?.Target} does not answer";
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
        EventId = 60, Level = LogLevel.Error,
        Message = "the export to {Target} has stopped until a new target is set, nothing is lost: {Cause}")]
    public static partial void ExportFailed(ILogger log, string target, string cause);

    [LoggerMessage(EventId = 61, Level = LogLevel.Warning, Message = "segment {Segment} of {List} is erased: {Note}")]
    public static partial void Erased(ILogger log, int segment, string list, string note);
}
