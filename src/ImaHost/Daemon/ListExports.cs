using System.Globalization;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Brings the sealed segments of all lists to their targets: of earlier lists first, oldest first, then of the one that is
/// written. What an earlier list has not got rid of holds up those that go to the same target behind it, so that nothing is
/// left out in the middle; a target that a command has set for the current list waits for nobody.
/// </summary>
/// <param name="current">The list that is written.</param>
sealed class ListExports(LogOptions options, string current, EarlierLists earlier, ILogger log)
{
    readonly ExportTarget? _configured = options.Export?.Target;
    readonly string _memory = StateDirectory.ExportBeside(current);
    readonly SegmentExporter _exporter = new(current, why => SegmentLog.Trouble(log, why));
    SegmentReceivers? _receivers;
    List<string>? _pending;
    bool _isConfigured;
    volatile string? _held;

    /// <summary>Of the current list; null: there is no target.</summary>
    public ExportState? State => Receivers.IsActive(_exporter.State) ? _exporter.State : null;

    /// <summary>Why earlier lists do not come to their target, or null.</summary>
    public string? Held => _held;

    /// <summary>Who gets segments.</summary>
    public SegmentReceivers Receivers => _receivers ??= ReceiversOf(options.Export, _memory);

    /// <summary>Who gets segments by a configuration.</summary>
    /// <param name="memory">The file that says what was configured before.</param>
    public static SegmentReceivers ReceiversOf(ExportOptions? export, string memory) => new(
        export?.Target, export?.Command.Count > 0, ConfiguredExport.Read(memory, now: null, warn: null)?.Target);

    /// <summary>Exports what is sealed and not exported yet. One thread at a time.</summary>
    public void Export()
    {
        if (!earlier.IsSealed)
        {
            return;
        }

        _pending ??= Begin();
        bool isHeld = ExportEarlier();
        if (!_isConfigured && _configured != null && !isHeld)
        {
            _isConfigured = true;
            Configure(_exporter, _configured);
        }

        if (Receivers.IsActive(_exporter.State) && (_isConfigured || !isHeld || !GoesToConfigured(_exporter.State)))
        {
            _ = _exporter.Export();
        }
    }

    /// <summary>A command sets the current list's target.</summary>
    /// <exception cref="IOException">The target cannot be made.</exception>
    public void SetTarget(ExportTarget target)
    {
        _pending ??= Begin();
        if (!_isConfigured && _configured != null)
        {
            Configure(_exporter, _configured);
        }

        _isConfigured = true;
        _exporter.SetTarget(target);
        if (GoesToConfigured(_exporter.State))
        {
            new ConfiguredExport(target.ToString(), Path.GetFileName(current)).Write(_memory);
        }
    }

    /// <summary>The first segment of a list that somebody has not had; null: nobody gets any.</summary>
    public int? FirstMissing(string list) => Receivers.FirstMissing(list, list == current ? _exporter.State : ExportState.Read(list));

    /// <summary>What has not come to a target, or not to the hook: each a sentence.</summary>
    public IEnumerable<string> Left()
    {
        foreach (string list in earlier.Paths.Append(current))
        {
            ExportState? state = list == current ? _exporter.State : ExportState.Read(list);
            int left = Receivers.IsActive(state) ? new SegmentExporter(list).CountLeft() : 0;
            if (left > 0)
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{left} segments of {list} are not exported to {state?.Target ?? _configured!.ToString()}{(state?.Failed is { } why ? $": {why}" : "")}");
            }

            if (Receivers.HasHook && HookProgress.CountLeft(list) is > 0 and int waiting)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{waiting} segments of {list} were not handed to the hook");
            }
        }
    }

    /// <summary>
    /// Another target than the one configured before gets everything that is there. What failed in an earlier boot is tried
    /// again.
    /// </summary>
    /// <returns>The lists whose export may not be complete.</returns>
    List<string> Begin()
    {
        List<string> lists = [.. earlier.Paths];
        foreach (string list in lists)
        {
            if (ExportState.Read(list, Warn) is { Failed: not null } failed)
            {
                Try(() => (failed with { Failed = null }).Write(list));
            }

            _ = HookProgress.Read(list, Warn);
        }

        _ = HookProgress.Read(current, Warn);
        if (_configured?.ToString() is { } now)
        {
            ConfiguredExport? before = ConfiguredExport.Read(_memory, _configured, Warn);
            Try(() => TakeNote(now, before, lists));
        }

        return lists;
    }

    void Warn(string why) => SegmentLog.Trouble(log, why);

    void TakeNote(string now, ConfiguredExport? before, List<string> lists)
    {
        if (before is { List: "" })
        {
            before.Write(_memory);
        }
        else if (before?.Target != now)
        {
            Turn(now, lists);
        }
    }

    /// <summary>A list that a command has sent there before, and what is there of it, stays: all others begin anew behind it.</summary>
    void Turn(string now, List<string> lists)
    {
        string? there = lists.Append(current).LastOrDefault(list => ExportState.Read(list)?.Target == now);
        foreach (string list in lists.Where(list => ExportState.Read(list) is { } state && state.Target != now))
        {
            ExportState.Forget(list);
        }

        if (ExportState.Read(current)?.Target != now)
        {
            _exporter.Forget();
        }

        if (there != null)
        {
            new ConfiguredExport(now, Path.GetFileName(there)).Write(_memory);
        }
    }

    void Try(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Warn($"{e.Message}: the export goes on with what it finds");
        }
    }

    /// <returns>True when something on its way to the configured target has stopped.</returns>
    bool ExportEarlier()
    {
        bool isHeld = false;
        string? held = null;
        foreach (string list in _pending!.ToArray())
        {
            var exporter = new SegmentExporter(list);
            if (Receivers.IsActive(exporter.State) && exporter.CountLeft() > 0)
            {
                ExportState state = Export(exporter, isHeld);
                if (state.Failed is { } why)
                {
                    isHeld |= GoesToConfigured(state);
                    held ??= $"the export of {list} to {state.Target} has stopped: {why}; it goes on when the host starts again, or is"
                        + $" done by `imahost segments export --list {Path.GetFileName(list)} --target`";
                    continue;
                }
            }

            _ = _pending.Remove(list);
        }

        _held = held;
        return isHeld;
    }

    ExportState Export(SegmentExporter exporter, bool isHeld)
    {
        if (!GoesToConfigured(exporter.State))
        {
            _ = exporter.Export();
            return exporter.State!;
        }

        if (isHeld)
        {
            return new ExportState(_configured!.ToString(), 0, 0, "what is older has not got there");
        }

        if (exporter.State?.Failed == null)
        {
            Configure(exporter, _configured!);
        }

        _ = exporter.Export();
        return exporter.State!;
    }

    bool GoesToConfigured(ExportState? state) =>
        _configured != null && (state == null || state.Target == _configured.ToString());

    void Configure(SegmentExporter exporter, ExportTarget target)
    {
        try
        {
            exporter.Configure(target, _memory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            exporter.Refuse(target, e.Message);
        }
    }
}
