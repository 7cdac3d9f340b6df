namespace ImaHost.Packages;

/// <summary>Decides for how long each list of a database vouches.</summary>
/// <param name="installed">What the database says is there.</param>
/// <param name="done">A process that installs nothing more.</param>
/// <param name="end">When a list vouches no more whose package is found gone now, Unix seconds.</param>
sealed class ListFate(
    PackageStore store, StoreState state, PackageDatabase database, Dictionary<PackageId, PackageState> installed,
    ProcessIdentity? done, long end)
{
    /// <summary>A package whose unpacking was interrupted may have files of each version that was tried.</summary>
    readonly HashSet<(string Name, string Architecture)> _broken =
    [
        .. installed.Where(one => one.Value == PackageState.Broken).Select(one => (one.Key.Name, one.Key.Architecture)),
    ];

    /// <summary>Lists that took the place of the one that stood for other contents of the same version.</summary>
    public List<string> Promoted { get; } = [];

    public void Decide(StoredList list)
    {
        PackageState? found = installed.TryGetValue(list.Package, out PackageState there) ? there : null;
        bool stands = found switch
        {
            PackageState.ConfigFiles => list.IsLeftover,
            PackageState.Installed or PackageState.Broken => list.IsCurrent,
            _ => false,
        };
        if (stands)
        {
            state.Keep(list.File);
        }
        else if (!IsAwaited(list))
        {
            if (found == PackageState.Installed && !list.IsLeftover && TryRead(list) is { } whole && database.HasInstalled(whole))
            {
                Promote(list);
                return;
            }

            if (found == PackageState.ConfigFiles && list.IsCurrent)
            {
                KeepScripts(list);
            }

            state.Expire(list.File, end);
        }
    }

    /// <summary>One that is damaged vouches for nothing, and keeps no other from its end.</summary>
    PackageList? TryRead(StoredList list)
    {
        try
        {
            return store.Read(list);
        }
        catch (PackageException)
        {
            return null;
        }
    }

    void Promote(StoredList list)
    {
        string name = store.Promote(list);
        state.Forget(list.File);
        state.Keep(name);
        Promoted.Add(name);
    }

    bool IsAwaited(StoredList list) =>
        state.Pending.TryGetValue(list.File, out ProcessIdentity process)
        && ((process != done && process.IsAlive) || _broken.Contains((list.Package.Name, list.Package.Architecture)));

    /// <summary>Purging runs the postrm that the removed package left behind, maybe in years.</summary>
    void KeepScripts(StoredList list)
    {
        const string info = DpkgDatabase.Info + "/";
        PackageList whole = store.Read(list);
        List<ListedFile> scripts = [.. whole.Files.Where(file => file.Path.StartsWith(info, StringComparison.Ordinal))];
        if (scripts.Count > 0)
        {
            _ = store.Put(whole with { Files = scripts, IsLeftover = true, Md5Sums = null });
        }
    }
}
