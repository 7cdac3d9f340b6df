using System.Diagnostics;
using ImaHost.Interop;
using ImaHost.Policy;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>A filesystem that was selected, and what came of it.</summary>
/// <param name="Mount">The mount by which it was found.</param>
/// <param name="Unique">That mount's number for ever, 0 when it must be marked again.</param>
/// <param name="Error">Why it is not watched; null: it is.</param>
sealed record SelectedFilesystem(Mount Mount, string Text, ulong Unique, string? Error);

/// <summary>What the watcher has come to, for people to read.</summary>
/// <param name="Devices">What is watched.</param>
/// <param name="Watched">The same, for people to read.</param>
/// <param name="Holes">What is not.</param>
sealed record MountReport(
    IReadOnlyList<DeviceNumber> Devices, IReadOnlyList<string> Watched, IReadOnlyList<string> Holes)
{
    public static MountReport Empty { get; } = new([], [], []);
}

/// <summary>
/// Has the guard mark filesystems that come to be mounted and that `watch:` names without a path. It looks at each
/// change of our own mount namespace and once a second at all others. Opening what is mounted may wait for ever; only
/// this thread does that.
/// </summary>
/// <param name="onChange">Is told of each change of our own mount namespace, before what is new in it is marked.</param>
sealed class MountWatcher(WatchSelection selection, GuardSocket socket, Action onChange, ILogger log)
{
    const int PollMilliseconds = 1000;

    /// <summary>Mounts held open at once.</summary>
    const int MostHeld = 64;

    /// <summary>The kernel cannot mark this filesystem, now or later (fanotify_mark(2)).</summary>
    static readonly int[] Final = [19 /* ENODEV */, 22 /* EINVAL */, 95 /* EOPNOTSUPP */];

    readonly MountViews _views = new();
    readonly MarkRequests _requests = new(socket);
    readonly TaskCompletionSource _looked = new();
    readonly Dictionary<DeviceNumber, SelectedFilesystem> _selected = [];
    readonly HashSet<DeviceNumber> _present = [];
    readonly HashSet<DeviceNumber> _settled = [];
    readonly HashSet<DeviceNumber> _own = [];
    readonly Dictionary<DeviceNumber, (MountView View, Mount Mount)> _covered = [];
    MountReport _report = MountReport.Empty;

    /// <summary>As of the last look.</summary>
    public MountReport Report => Volatile.Read(ref _report);

    /// <summary>Waits until everything was looked at once. False: it takes longer.</summary>
    public bool AwaitFirstLook(int milliseconds) => _looked.Task.Wait(milliseconds);

    /// <summary>
    /// The filesystems that are watched, by the numbers that mountinfo and the mappings of processes show: those of the
    /// paths that are configured, as they lead now, and those that came to be marked.
    /// </summary>
    public HashSet<DeviceNumber> ReadDevices() => [.. selection.DevicesOfPaths(Mounts.Read()), .. Report.Devices];

    /// <summary>Looks for as long as the process lives.</summary>
    public void Run()
    {
        using var table = new MountTable();
        for (bool changed = true;; changed = table.Wait(PollMilliseconds))
        {
            long begun = Stopwatch.GetTimestamp();
            if (changed)
            {
                onChange();
            }

            if (selection.Selectors.Count > 0)
            {
                Look(changed);
            }

            _ = _looked.TrySetResult();

            // However many mounts come and go, others get the processor too.
            Thread.Sleep((int)Math.Min(Stopwatch.GetElapsedTime(begun).TotalMilliseconds, PollMilliseconds));
        }
    }

    /// <param name="changed">Something was mounted or unmounted in our own namespace.</param>
    void Look(bool changed)
    {
        _present.Clear();
        _settled.Clear();
        _own.Clear();
        _covered.Clear();
        foreach (MountView view in _views.Read())
        {
            List<Mount> unmarked = [.. view.Mounts.Where(mount => Selects(view, mount) && NeedsMark(view, mount, changed))];
            foreach (Mount[] some in unmarked.Chunk(MostHeld))
            {
                Mark(view, some);
            }
        }

        foreach ((DeviceNumber device, (MountView view, Mount mount)) in _covered)
        {
            if (!_selected.ContainsKey(device))
            {
                Note(view, mount, 0, "another mount lies over it");
            }
        }

        Forget();
        string[] holes = [.. _selected.Values.Where(one => one.Error != null).Select(one => $"{one.Text}: {one.Error}")];
        Volatile.Write(ref _report, new MountReport(
            [.. _selected.Where(one => one.Value.Error == null).Select(one => one.Key)],
            [.. _selected.Values.Where(one => one.Error == null).Select(one => one.Text)],
            _views.LeftAlone == 0 ? holes : [.. holes, Coverage.UserMounts(_views.LeftAlone)]));
    }

    /// <summary>
    /// What we have mounted ourselves is named by where we have it. Elsewhere somebody else chooses the place, and could
    /// have our root filesystem watched by it.
    /// </summary>
    bool Selects(MountView view, Mount mount)
    {
        if (view.IsOwn)
        {
            _ = _own.Add(mount.Device);
        }

        return selection.Matches(mount, byPlace: view.IsOwn || !_own.Contains(mount.Device));
    }

    /// <summary>
    /// Numbers of mounts and filesystems are used again at once, so that a table looks as before when a filesystem has
    /// taken the place of another. The unique number of its mount tells; without one it is marked again, which does no
    /// harm. Of several mounts of a filesystem one is enough, the first that can be reached.
    /// </summary>
    bool NeedsMark(MountView view, Mount mount, bool changed)
    {
        _ = _present.Add(mount.Device);
        if (_settled.Contains(mount.Device))
        {
            return false;
        }

        if (FilesystemTypes.WhyNever(mount.Type) is { } why)
        {
            Note(view, mount, 0, why);
            return false;
        }

        SelectedFilesystem? known = _selected.GetValueOrDefault(mount.Device);
        if (!MountRoot.TryIdentify(view.PathTo(mount), out MountIdentity identity) || identity.Id != mount.Id)
        {
            _ = _covered.TryAdd(mount.Device, (view, mount));
            return false;
        }

        _ = _settled.Add(mount.Device);
        bool isSame = known != null && (identity.Unique != 0
            ? identity.Unique == known.Unique
            : known.Error == null && view.IsOwn && !changed && known.Mount.IsSame(mount));
        return !isSame;
    }

    void Mark(MountView view, Mount[] mounts)
    {
        var held = new List<(Mount Mount, MountRoot Root)>();
        try
        {
            foreach (Mount mount in mounts)
            {
                if (MountRoot.Hold(view.PathTo(mount), out int error) is { } root)
                {
                    held.Add((mount, root));
                }
                else
                {
                    Note(view, mount, 0, ErrnoException.Describe(error));
                }
            }

            // What is held cannot go: if it is in the table now, it is what was selected.
            _ = view.TryReadAgain();
            foreach ((Mount mount, MountRoot root) in held)
            {
                Mark(view, mount, root);
            }
        }
        finally
        {
            held.ForEach(one => one.Root.Dispose());
        }
    }

    void Mark(MountView view, Mount mount, MountRoot root)
    {
        if (!root.TryIdentify(out MountIdentity identity) || identity.Id != mount.Id || !view.Mounts.Exists(mount.IsSame))
        {
            Note(view, mount, 0, "it was mounted anew meanwhile");
            return;
        }

        int error = root.Open();
        if (error != 0)
        {
            Note(view, mount, 0, ErrnoException.Describe(error));
            return;
        }

        error = _requests.Mark(root);
        bool settles = error == 0 || Final.Contains(error);
        Note(view, mount, settles ? identity.Unique : 0, error == 0 ? null : Describe(error));
    }

    static string Describe(int error) => error == MarkRequests.NoAnswer ? "the guard does not answer"
        : Final.Contains(error) ? "this filesystem has no permission events"
        : ErrnoException.Describe(error);

    void Note(MountView view, Mount mount, ulong unique, string? error)
    {
        SelectedFilesystem? known = _selected.GetValueOrDefault(mount.Device);
        var now = new SelectedFilesystem(mount, view.Describe(mount), unique, error);
        _selected[mount.Device] = now;
        if (known != null && known.Error == error && known.Unique == unique && known.Mount.IsSame(mount))
        {
            return;
        }

        if (error == null)
        {
            Logging.Watching(log, now.Text);
        }
        else
        {
            Logging.NotWatching(log, now.Text, error);
        }
    }

    void Forget()
    {
        foreach ((DeviceNumber device, SelectedFilesystem gone) in _selected.Where(one => !_present.Contains(one.Key)).ToList())
        {
            _ = _selected.Remove(device);
            if (gone.Error == null)
            {
                Logging.NoLongerWatching(log, gone.Text);
            }
        }
    }
}
