namespace ImaHost.Segments;

/// <summary>Who gets the segments of lists: an export, a hook, both or nobody.</summary>
/// <param name="configured">The configured target of the export, or null.</param>
/// <param name="hasHook">A hook is configured.</param>
/// <param name="remembered">The target that was configured last, or null.</param>
sealed class SegmentReceivers(ExportTarget? configured, bool hasHook, string? remembered)
{
    public bool HasHook => hasHook;

    /// <summary>
    /// Does an export of a list go on? One that the configuration does not name any more has ended, one that a command has
    /// set has not.
    /// </summary>
    public bool IsActive(ExportState? state) => configured != null || (state != null && state.Target != remembered);

    /// <summary>The first segment of a list that somebody has not had; null: nobody gets any of it.</summary>
    /// <param name="state">How far its export has come.</param>
    public int? FirstMissing(string list, ExportState? state)
    {
        int? exported = IsActive(state) ? state?.Next ?? 0 : null;
        int? handed = hasHook ? HookProgress.Read(list) : null;
        return exported is { } one && handed is { } other ? Math.Min(one, other) : exported ?? handed;
    }
}
