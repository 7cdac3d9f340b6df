using ImaHost.Interop;

namespace ImaHost.Engine;

/// <summary>
/// Remembers something of the files that were accessed last: in two generations, of which the older is forgotten when
/// the younger is full. May be used by several threads, each call for itself.
/// </summary>
sealed class RecentFiles<T>
    where T : struct
{
    /// <summary>Files in one generation.</summary>
    const int MostFiles = 8192;

    readonly Lock _gate = new();
    Dictionary<FileKey, T> _young = [];
    Dictionary<FileKey, T> _old = [];

    /// <summary>What is remembered, or the default.</summary>
    public T Peek(in FileStat file)
    {
        var key = new FileKey(in file);
        lock (_gate)
        {
            return _young.TryGetValue(key, out T young) ? young : _old.GetValueOrDefault(key);
        }
    }

    /// <summary>Remembers something else instead; the default: nothing.</summary>
    /// <param name="change">From what was remembered to what shall be.</param>
    /// <returns>What was remembered.</returns>
    public T Change<TArgument>(in FileStat file, TArgument argument, Func<T, TArgument, T> change)
    {
        var key = new FileKey(in file);
        lock (_gate)
        {
            T before = _young.TryGetValue(key, out T young) ? young : _old.GetValueOrDefault(key);
            _ = _young.Remove(key);
            _ = _old.Remove(key);
            T after = change(before, argument);
            if (!EqualityComparer<T>.Default.Equals(after, default))
            {
                Put(key, after);
            }

            return before;
        }
    }

    void Put(FileKey key, T value)
    {
        if (_young.Count >= MostFiles)
        {
            (_old, _young) = (_young, _old);
            _young.Clear();
        }

        _young[key] = value;
    }

    readonly record struct FileKey(uint Major, uint Minor, ulong Inode)
    {
        public FileKey(in FileStat file)
            : this(file.DeviceMajor, file.DeviceMinor, file.Inode)
        {
        }
    }
}
