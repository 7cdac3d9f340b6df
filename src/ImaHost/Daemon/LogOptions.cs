using ImaHost.Segments;

namespace ImaHost.Daemon;

/// <summary>Where sealed segments go by themselves, and what seals one early so that it can go.</summary>
/// <param name="Target">Null: the hook alone.</param>
/// <param name="MaxAge">Seconds after which entries go at the latest; 0: no limit.</param>
/// <param name="Command">A program and its arguments, run by `imahost segments export --hook` for each segment.</param>
sealed record ExportOptions(ExportTarget? Target, long MaxEntries, long MaxBytes, long MaxAge, IReadOnlyList<string> Command);

/// <summary>`log:` of the configuration: when the list is cut, where its pieces go, and how long they are kept.</summary>
sealed record LogOptions
{
    public long SegmentEntries { get; init; } = SegmentLimits.Default.Entries;

    public long SegmentBytes { get; init; } = SegmentLimits.Default.Bytes;

    public ExportOptions? Export { get; init; }

    public Retention Retention { get; init; } = Retention.All;

    /// <summary>When a segment is closed: what is exported is whole segments.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public SegmentLimits Limits => new(
        Math.Min(SegmentEntries, Export is { MaxEntries: > 0 } few ? few.MaxEntries : long.MaxValue),
        Math.Min(SegmentBytes, Export is { MaxBytes: > 0 } small ? small.MaxBytes : long.MaxValue));

    /// <exception cref="ConfigurationException">It is not understood.</exception>
    public static LogOptions Read(ConfigurationValue value)
    {
        Dictionary<string, ConfigurationValue> members = value.Members("segment_entries", "segment_bytes", "export", "retention");
        var options = new LogOptions();
        return options with
        {
            SegmentEntries = members.GetValueOrDefault("segment_entries")?.LongNumber(1) ?? options.SegmentEntries,
            SegmentBytes = members.GetValueOrDefault("segment_bytes")?.LongNumber(1) ?? options.SegmentBytes,
            Export = members.TryGetValue("export", out ConfigurationValue? export) ? ReadExport(export) : null,
            Retention = members.TryGetValue("retention", out ConfigurationValue? retention) ? ReadRetention(retention) : Retention.All,
        };
    }

    /// <summary>As a command line says it: all, exported, keep:N, since:DURATION; null: it is none.</summary>
    public static Retention? TryParseRetention(string text) => text.Split(':', 2) switch
    {
        ["all"] => Retention.All,
        ["exported"] => new Retention(RetentionKind.Exported),
        ["keep", { } number] when int.TryParse(number, out int count) && count >= 0 => new Retention(RetentionKind.Keep, count),
        ["since", { } time] when Duration.TryParse(time, out long seconds) => new Retention(RetentionKind.Since, seconds),
        _ => null,
    };

    static ExportOptions ReadExport(ConfigurationValue value)
    {
        Dictionary<string, ConfigurationValue> members = value.Members(
            "file", "directory", "append", "max_entries", "max_bytes", "max_age", "command");
        bool append = members.GetValueOrDefault("append")?.YesOrNo() ?? false;
        string? file = members.GetValueOrDefault("file")?.AbsolutePath();
        string? directory = members.GetValueOrDefault("directory")?.AbsolutePath();
        IReadOnlyList<string> command = members.GetValueOrDefault("command")?.Strings() ?? [];
        if (file != null == (directory != null) && (file != null || command.Count == 0))
        {
            throw value.Refused("either file or directory, or a command alone");
        }

        ExportTarget? target = file != null ? new ExportTarget(file, IsDirectory: false, append)
            : directory != null ? new ExportTarget(directory, IsDirectory: true, Append: false)
            : null;
        return new ExportOptions(
            target, members.GetValueOrDefault("max_entries")?.LongNumber(1) ?? 0,
            members.GetValueOrDefault("max_bytes")?.LongNumber(1) ?? 0, members.GetValueOrDefault("max_age")?.Seconds() ?? 0, command);
    }

    /// <summary>A word, or one key with its limit.</summary>
    static Retention ReadRetention(ConfigurationValue value)
    {
        if (value.IsText)
        {
            return TryParseRetention(value.Text()) is { Kind: RetentionKind.All or RetentionKind.Exported } word
                ? word : throw value.Refused("all, exported, keep: N or since: DURATION");
        }

        Dictionary<string, ConfigurationValue> members = value.Members("keep", "since");
        return members.Count != 1 ? throw value.Refused("one of keep and since")
            : members.TryGetValue("keep", out ConfigurationValue? keep) ? new Retention(RetentionKind.Keep, keep.Number(0, int.MaxValue))
            : new Retention(RetentionKind.Since, members["since"].Seconds());
    }
}
