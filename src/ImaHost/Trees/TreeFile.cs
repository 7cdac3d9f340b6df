using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Trees;

/// <summary>A directory of a tree, open as long as somebody is at one of its files.</summary>
/// <param name="path">As it was found, without a NUL and without a "/" at its end.</param>
/// <param name="stat">The directory, as it was when it was opened.</param>
sealed class TreeDirectory(OpenDirectory open, byte[] path, in FileStat stat)
{
    int _users = 1;

    public OpenDirectory Open => open;

    public byte[] Path => path;

    public FileStat Stat { get; } = stat;

    /// <summary>One more is at it.</summary>
    public void Hold() => Interlocked.Increment(ref _users);

    /// <summary>One is done with it; the last one closes it.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            open.Dispose();
        }
    }

    /// <summary>The path of an entry.</summary>
    /// <param name="name">With or without a NUL.</param>
    public byte[] PathOf(ReadOnlySpan<byte> name) => [.. path, (byte)'/', .. name.TrimEnd((byte)0)];
}

/// <summary>A file that was found in a tree, or named by itself. Whoever takes it releases it.</summary>
/// <param name="directory">Null: the name is a path.</param>
/// <param name="name">With a NUL.</param>
sealed class TreeFile(TreeDirectory? directory, byte[] name)
{
    /// <summary>Its path as bytes, without a NUL.</summary>
    public byte[] Path => directory == null ? name[..^1] : directory.PathOf(name);

    /// <summary>Its path for people, on one line.</summary>
    public string Text => EntryName.ToText(Path);

    /// <summary>Opens nothing.</summary>
    public bool TryStat(out FileStat stat)
    {
        stat = default;
        return directory?.Open.TryStatEntry(name, out stat, out _) == true;
    }

    public FileLook Look() => directory == null
        ? FileLook.At(name)
        : FileLook.At(directory.Open, name, directory.Stat.IsExposed);

    /// <summary>It lies on the filesystem of its tree, and is not one that was mounted over a file of it.</summary>
    public bool IsOfTree(in FileStat stat) => directory == null
        || (stat.DeviceMajor == directory.Stat.DeviceMajor && stat.DeviceMinor == directory.Stat.DeviceMinor);

    public void Release() => directory?.Release();
}
