using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>What came of comparing the lists with what is installed.</summary>
/// <param name="Expiring">Lists that vouch for a while only, since now.</param>
/// <param name="Returned">
/// Lists that were to expire, and whose package is installed again; and those that took the place of another one as it is
/// their contents that are installed.
/// </param>
/// <param name="Deleted">Lists whose time was over.</param>
/// <param name="Problems">What could not be compared: those lists stay as they were.</param>
sealed record Reconciliation(
    IReadOnlyList<string> Expiring, IReadOnlyList<string> Returned, IReadOnlyList<string> Deleted, IReadOnlyList<string> Problems)
{
    /// <summary>Do other lists vouch, or for another time, than before?</summary>
    public bool HasChanges => Expiring.Count + Returned.Count + Deleted.Count > 0;
}

/// <summary>
/// Keeps the lists in step with the package managers' databases, whatever told or did not tell us that packages changed. A
/// list whose version is not installed any more vouches for a while yet, for what still runs or is about to be replaced.
/// </summary>
/// <param name="grace">Seconds that it vouches on.</param>
sealed class Reconciler(PackageStore store, int grace)
{
    string _seen = "";
    long _nextExpiry = long.MinValue;
    IReadOnlyList<ProcessIdentity> _awaited = [];
    IReadOnlyList<PackageDatabase> _databases = [];

    /// <summary>What the last comparison was about, for who wants to tell of it.</summary>
    public Reconciliation Last { get; private set; } = new([], [], [], []);

    /// <summary>Compares if anything can have changed; that costs a few calls of stat. For the host, about once a second.</summary>
    /// <param name="now">Unix seconds.</param>
    /// <returns>Do other lists vouch than before? They are then to be loaded.</returns>
    /// <exception cref="PackageException">The store is damaged or locked. The next call tries again.</exception>
    public bool TryReconcile(long now)
    {
        // Looked at before the databases are read: a change after that is seen by the next call.
        string seen = Fingerprint();
        if (seen == _seen && now < _nextExpiry && _awaited.All(process => process.IsAlive))
        {
            return false;
        }

        Last = Reconcile(now);
        _seen = seen;
        return Last.HasChanges;
    }

    /// <summary>Compares.</summary>
    /// <param name="done">A process that installs nothing more, though it has not ended yet.</param>
    public Reconciliation Reconcile(long now, ProcessIdentity? done = null)
    {
        using IDisposable held = store.Lock();
        StoreState state = store.ReadState();
        IReadOnlyList<StoredList> lists = store.ReadLists();
        var problems = new List<string>();
        var before = new Dictionary<string, long>(state.Expiring);
        var promoted = new List<string>();
        foreach (IGrouping<(string, string), StoredList> group in lists.GroupBy(list => (list.Package.Manager, list.Package.Root)))
        {
            if (TryRead(group.Key, problems) is { } found)
            {
                var fate = new ListFate(store, state, found.Database, found.Installed, done, now + grace);
                group.ToList().ForEach(fate.Decide);
                promoted.AddRange(fate.Promoted);
            }
        }

        List<string> deleted = Tidy(state, lists, now);
        store.WriteState(state);
        Remember(state, lists);
        return new Reconciliation(
            [.. state.Expiring.Keys.Where(list => !before.ContainsKey(list))],
            [.. before.Keys.Where(list => !state.Expiring.ContainsKey(list) && !deleted.Contains(list)).Union(promoted)],
            deleted, problems);
    }

    static (PackageDatabase Database, Dictionary<PackageId, PackageState> Installed)? TryRead(
        (string Manager, string Root) of, List<string> problems)
    {
        try
        {
            PackageDatabase database = PackageDatabase.Of(of.Manager, of.Root)
                ?? throw new PackageException($"there is no package manager \"{of.Manager}\"");
            var installed = new Dictionary<PackageId, PackageState>();
            foreach (InstalledPackage package in database.Read())
            {
                installed[package.Id] = package.State;
            }

            return (database, installed);
        }
        catch (Exception e) when (e is PackageException or IOException or UnauthorizedAccessException
            or System.ComponentModel.Win32Exception)
        {
            problems.Add($"not known which packages of {of.Manager} are installed, so all stay as they were: {e.Message}");
            return null;
        }
    }

    List<string> Tidy(StoreState state, IReadOnlyList<StoredList> lists, long now)
    {
        List<string> due = [.. state.Expiring.Where(one => one.Value <= now).Select(one => one.Key)];
        foreach (string list in due)
        {
            store.Delete(list);
            state.Forget(list);
        }

        // What names a list that is gone would speak of the next one of that name.
        var there = lists.Select(list => list.File).ToHashSet(StringComparer.Ordinal);
        foreach (string gone in state.Expiring.Keys.Concat(state.Pending.Keys).Where(name => !there.Contains(name)).ToList())
        {
            state.Forget(gone);
        }

        return due;
    }

    void Remember(StoreState state, IReadOnlyList<StoredList> lists)
    {
        _nextExpiry = state.Expiring.Values.DefaultIfEmpty(long.MaxValue).Min();
        _awaited = [.. state.Pending.Values.Distinct()];
        _databases =
        [
            .. lists.Select(list => (list.Package.Manager, list.Package.Root)).Distinct()
                .Select(one => PackageDatabase.Of(one.Manager, one.Root)).OfType<PackageDatabase>(),
        ];
    }

    string Fingerprint()
    {
        string own = FileStat.TryOfPath(store.Directory, out FileStat stat) ? $"{stat.Inode} {stat.Modified}" : "";
        return string.Join('\n', _databases.Select(database => database.Fingerprint()).Prepend(own));
    }
}
