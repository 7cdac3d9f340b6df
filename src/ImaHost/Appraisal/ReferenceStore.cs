namespace ImaHost.Appraisal;

/// <summary>
/// The index of the lists of one machine, kept in its state directory. For one thread at a time; the index it hands out
/// is for any number of them, and stays good when a newer one is made.
/// </summary>
sealed class ReferenceStore(ReferenceSettings settings)
{
    const int MostWaitMilliseconds = 60_000;
    const int LookMilliseconds = 50;

    /// <summary>What is in force; empty before the first <see cref="Open"/>.</summary>
    public ReferenceIndex Current { get; private set; } = ReferenceIndex.Empty;

    /// <summary>Opens the index as it is on the disk when no list has changed since it was built, else brings it up to date.</summary>
    /// <returns>Why some lists are not in force, and what else somebody should look at: a line each.</returns>
    /// <exception cref="IOException">It cannot be written. <see cref="Current"/> stays what it was.</exception>
    public IReadOnlyList<string> Open()
    {
        var warnings = new List<string>();
        List<FoundList> found = ReferenceDirectories.Find(settings, warnings);
        ReferenceIndex? index = ReferenceIndex.TryOpen(settings.IndexPath);
        return index != null && ReferenceIndexBuilder.IsUpToDate(index, found) ? PutInForce(index, warnings) : Refresh();
    }

    /// <summary>Brings the index up to date, which reads the lists that have changed and no others.</summary>
    /// <inheritdoc cref="Open"/>
    public IReadOnlyList<string> Refresh()
    {
        _ = Directory.CreateDirectory(
            settings.State, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using FileStream held = Lock();
        var warnings = new List<string>();
        List<FoundList> found = ReferenceDirectories.Find(settings, warnings);
        ReferenceIndex index = ReferenceIndex.TryOpen(settings.IndexPath) ?? ReferenceIndex.Empty;
        bool isThere = index != ReferenceIndex.Empty && ReferenceIndexBuilder.IsUpToDate(index, found);
        return PutInForce(isThere ? index : new ReferenceIndexBuilder(settings, index).Build(found), warnings);
    }

    /// <summary>The index as it is, however old; null: there is none.</summary>
    /// <param name="isUpToDate">No list has changed since it was built.</param>
    public ReferenceIndex? Peek(out bool isUpToDate)
    {
        ReferenceIndex? index = ReferenceIndex.TryOpen(settings.IndexPath);
        isUpToDate = index != null && ReferenceIndexBuilder.IsUpToDate(index, ReferenceDirectories.Find(settings, []));
        return index == null ? null : ExpiringLists.PutOn(index, settings.ExpiringPath, []);
    }

    List<string> PutInForce(ReferenceIndex index, List<string> warnings)
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        foreach (ReferenceSource source in index.Sources)
        {
            if (source.Error != null)
            {
                warnings.Add(source.Error);
            }
            else if (source.IsOverAt(now))
            {
                warnings.Add($"{source.File}: expired on {DateTimeOffset.FromUnixTimeSeconds(source.NotAfter!.Value):u}");
            }
        }

        Current = ExpiringLists.PutOn(index, settings.ExpiringPath, warnings);
        return warnings;
    }

    /// <summary>Held while an index is built: the host and a command may want to at the same time.</summary>
    FileStream Lock()
    {
        string path = Path.Combine(settings.State, "references.lock");
        long end = Environment.TickCount64 + MostWaitMilliseconds;
        for (;;)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Environment.TickCount64 < end && File.Exists(path))
            {
                Thread.Sleep(LookMilliseconds);
            }
        }
    }
}
