using System.Globalization;

namespace ImaHost.Packages;

/// <summary>
/// What the store knows of its lists besides what they say: which are valid until a time only, and which are for a package
/// that a process is about to install. A list that stands in neither is valid for as long as its package is installed.
/// </summary>
sealed class StoreState
{
    readonly SortedDictionary<string, long> _expiring = new(StringComparer.Ordinal);
    readonly SortedDictionary<string, ProcessIdentity> _pending = new(StringComparer.Ordinal);

    /// <summary>File names of lists, and the time of each (Unix seconds) from which it vouches no more.</summary>
    public IReadOnlyDictionary<string, long> Expiring => _expiring;

    /// <summary>File names of lists, and who is about to install the package.</summary>
    public IReadOnlyDictionary<string, ProcessIdentity> Pending => _pending;

    /// <summary>It vouches for as long as its package is installed.</summary>
    public void Keep(string list) => _ = _expiring.Remove(list) | _pending.Remove(list);

    /// <summary>It vouches until then, or until a time it had before.</summary>
    public void Expire(string list, long time)
    {
        _ = _pending.Remove(list);
        _ = _expiring.TryAdd(list, time);
    }

    /// <summary>It vouches for as long as that process lives, and afterwards if the package is then installed.</summary>
    public void Await(string list, ProcessIdentity process)
    {
        _ = _expiring.Remove(list);
        _pending[list] = process;
    }

    /// <summary>The file is gone.</summary>
    public void Forget(string list) => Keep(list);

    /// <summary>The file "expiring": lines of a time and a name.</summary>
    public string FormatExpiring() =>
        string.Concat(_expiring.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Value} {one.Key}\n")));

    /// <summary>The file "pending": lines of a process, its start and a name.</summary>
    public string FormatPending() => string.Concat(_pending.Select(one => string.Create(
        CultureInfo.InvariantCulture, $"{one.Value.Pid} {one.Value.StartTicks} {one.Key}\n")));

    /// <summary>Reads both files. A line that is damaged is an error: what it was about must not become valid for ever.</summary>
    /// <exception cref="PackageException">With file and line.</exception>
    public static StoreState Parse(string expiringPath, string[] expiring, string pendingPath, string[] pending)
    {
        var state = new StoreState();
        for (int i = 0; i < expiring.Length; i++)
        {
            if (expiring[i].Split(' ') is not [var time, var list] || !TryParse(time, out long seconds))
            {
                throw Damaged(expiringPath, i, "a time in seconds and the name of a list");
            }

            state.Expire(list, seconds);
        }

        for (int i = 0; i < pending.Length; i++)
        {
            if (pending[i].Split(' ') is not [var pid, var start, var list]
                || !TryParse(pid, out long number) || !TryParse(start, out long ticks))
            {
                throw Damaged(pendingPath, i, "a process, its start and the name of a list");
            }

            state.Await(list, new ProcessIdentity((int)number, ticks));
        }

        return state;
    }

    static bool TryParse(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    static PackageException Damaged(string path, int index, string wanted) => new(
        $"{path}:{index + 1}: this is not {wanted}; remove the file, and what is not installed any more expires anew");
}
