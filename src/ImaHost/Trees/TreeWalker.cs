using System.Text;
using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Trees;

/// <summary>
/// Finds the files of trees, one after the other: what it holds grows with the depth of a tree and not with its size. It
/// stays on the filesystem that a tree begins on and follows no links; only directories are opened. A directory that lies
/// in itself, by a bind mount, is not entered again.
/// </summary>
/// <param name="paths">Files, and directories that trees begin at; a link among these is followed.</param>
/// <param name="problems">Takes what cannot be looked into.</param>
sealed class TreeWalker(IReadOnlyList<string> paths, TreeProblems problems)
{
    const int NotDirectory = -20; // ENOTDIR, errno(3)

    int _others;

    /// <summary>Devices, FIFOs and sockets that were met.</summary>
    public int Others => Volatile.Read(ref _others);

    /// <summary>The files, each to be released.</summary>
    public IEnumerable<TreeFile> Files() => paths.SelectMany(FilesAt);

    IEnumerable<TreeFile> FilesAt(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path + '\0');
        OpenDirectory? top = OpenDirectory.TryOpen(name, out int error);
        if (top == null)
        {
            if (error == NotDirectory)
            {
                return [new TreeFile(null, name)];
            }

            return Fail(name.AsSpan()[..^1], error);
        }

        if (!top.TryStat(out FileStat stat, out error))
        {
            top.Dispose();
            return Fail(name.AsSpan()[..^1], error);
        }

        return FilesBelow(new TreeDirectory(top, [.. name.AsSpan()[..^1].TrimEnd((byte)'/')], in stat));
    }

    IEnumerable<TreeFile> FilesBelow(TreeDirectory top)
    {
        var levels = new Stack<TreeDirectory>([top]);
        try
        {
            while (levels.TryPeek(out TreeDirectory? here))
            {
                int got = here.Open.Next(out byte[] name, out DirectoryEntry kind);
                if (got <= 0)
                {
                    Note(here, got);
                    levels.Pop().Release();
                    continue;
                }

                kind = kind == DirectoryEntry.Unknown ? KindOf(here, name) : kind;
                if (kind == DirectoryEntry.Regular)
                {
                    here.Hold();
                    yield return new TreeFile(here, name);
                }
                else if (kind == DirectoryEntry.Directory && TryEnter(here, name, levels) is { } below)
                {
                    levels.Push(below);
                }
                else if (kind == DirectoryEntry.Other)
                {
                    _ = Interlocked.Increment(ref _others);
                }
            }
        }
        finally
        {
            foreach (TreeDirectory level in levels)
            {
                level.Release();
            }
        }
    }

    IEnumerable<TreeFile> Fail(ReadOnlySpan<byte> path, int error)
    {
        problems.Add(EntryName.ToText(path), FileProblem.OfOpening(error));
        return [];
    }

    void Note(TreeDirectory here, int ended)
    {
        if (ended < 0)
        {
            problems.Add(EntryName.ToText(here.Path), FileProblem.OfReading(ended));
        }
    }

    /// <summary>What is gone meanwhile is nothing any more.</summary>
    static DirectoryEntry KindOf(TreeDirectory here, byte[] name) =>
        !here.Open.TryStatEntry(name, out FileStat stat, out _) || stat.IsLink ? DirectoryEntry.Link
        : stat.IsRegular ? DirectoryEntry.Regular
        : stat.IsDirectory ? DirectoryEntry.Directory
        : DirectoryEntry.Other;

    /// <summary>Looked at before it is opened, so that nothing is mounted by it; and after, as it may be another by then.</summary>
    /// <returns>Null: it is not of this tree, or cannot be entered.</returns>
    TreeDirectory? TryEnter(TreeDirectory here, byte[] name, Stack<TreeDirectory> levels)
    {
        const int noEntry = -2; // ENOENT: removed since it was read
        OpenDirectory? below = null;
        if (!here.Open.TryStatEntry(name, out FileStat stat, out int error)
            || !IsOn(in stat, here)
            || (below = here.Open.TryOpenBelow(name, out error)) == null
            || !below.TryStat(out stat, out error)
            || !IsOn(in stat, here)
            || levels.Any(level => level.Stat.Inode == stat.Inode))
        {
            below?.Dispose();
            if (error is not (0 or noEntry))
            {
                problems.Add(EntryName.ToText(here.PathOf(name)), FileProblem.OfOpening(error));
            }

            return null;
        }

        return new TreeDirectory(below, here.PathOf(name), in stat);
    }

    static bool IsOn(in FileStat stat, TreeDirectory tree) =>
        stat.DeviceMajor == tree.Stat.DeviceMajor && stat.DeviceMinor == tree.Stat.DeviceMinor;
}
