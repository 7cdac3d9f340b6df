using ImaHost.Interop;
using ImaHost.Segments;

namespace ImaHost.MeasurementList;

/// <summary>
/// The lists on disk: a directory of segments for each boot, or for each PCR and each life of an emulated TPM within it. A
/// list that went on after a kexec has a link for each later boot, to the name that it had before.
/// </summary>
sealed class StateDirectory
{
    const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    readonly string _lists;

    /// <param name="boot">Another boot than this one.</param>
    /// <exception cref="IOException">The directory cannot be made.</exception>
    public StateDirectory(string path, string? boot = null)
    {
        Path = path;
        Boot = boot ?? BootId;
        _lists = System.IO.Path.Combine(path, "lists");
        _ = Directory.CreateDirectory(
            _lists, Private);
        foreach (string old in Directory.EnumerateFiles(_lists, "*.ima"))
        {
            TakeOver(old);
        }
    }

    public string Path { get; }

    /// <summary>The id of the boot whose lists are ours.</summary>
    public string Boot { get; }

    /// <summary>What the guard of a state directory holds locked.</summary>
    public static string LockIn(string state) => System.IO.Path.Combine(state, "lock");

    /// <summary>The policy in force, kept for the next host.</summary>
    public string PolicyPath => System.IO.Path.Combine(Path, "policy");

    /// <summary>What the host's own files looked like when they were entered last.</summary>
    public string OwnPath => System.IO.Path.Combine(Path, "own");

    /// <summary>A link to the list that is written, or was written last.</summary>
    public string CurrentPath => System.IO.Path.Combine(Path, "current");

    /// <summary>The id of this boot.</summary>
    public static string BootId => File.ReadAllText(BootIdFile).Trim();

    /// <summary>The table of digests of a list.</summary>
    public static string TableIn(string list) => System.IO.Path.Combine(list, "table");

    /// <summary>The target of the export that the configuration named last, for whichever list beside this one.</summary>
    public static string ExportBeside(string list) =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(list))!, "export");

    /// <summary>The list that is written, or was written last.</summary>
    public string Current => File.ResolveLinkTarget(CurrentPath, returnFinalTarget: false)?.FullName
        ?? throw new FileNotFoundException($"{CurrentPath} is no link to a list");

    /// <summary>The lists of this boot, oldest first, each by the directory that it lies in.</summary>
    public IReadOnlyList<string> ListsOfThisBoot() => [.. Names().Select(ListsByName.Resolve)];

    /// <summary>The path of one list more of this boot.</summary>
    public string NextList() => ListPath(Names().Count());

    /// <summary>A list of an earlier boot goes on in this one.</summary>
    public void GoOnIn(string list)
    {
        string name = ListPath(Names().Count());
        File.Delete(name);
        File.Delete(name + ".new");
        _ = File.CreateSymbolicLink(name + ".new", ListsByName.LastOf(list));
        DurableFile.Rename(name + ".new", name);
        DurableFile.SyncDirectory(_lists);
    }

    /// <summary>Makes a list the current one.</summary>
    public void MakeCurrent(string path)
    {
        string fresh = CurrentPath + ".new";
        File.Delete(fresh);
        _ = File.CreateSymbolicLink(fresh, System.IO.Path.GetRelativePath(Path, path));
        DurableFile.Rename(fresh, CurrentPath);
    }

    /// <summary>Makes the directory of a list, if it is not there.</summary>
    public static void MakeList(string path)
    {
        if (!Directory.Exists(path))
        {
            // A link whose list somebody has taken away.
            File.Delete(path);
            _ = Directory.CreateDirectory(path, Private);
            DurableFile.SyncDirectory(System.IO.Path.GetDirectoryName(path)!);
        }
    }

    /// <summary>Tables of lists that nothing is added to any more are of no use; they are made anew if need be.</summary>
    /// <param name="but">The list that goes on.</param>
    public void ForgetTables(string but)
    {
        foreach (string list in ListsByName.In(Path).Where(list => list != but))
        {
            File.Delete(TableIn(list));
        }
    }

    /// <summary>A list of version 0.1.0, one file: it becomes the first segment of one.</summary>
    void TakeOver(string file)
    {
        string list = System.IO.Path.Combine(_lists, System.IO.Path.GetFileNameWithoutExtension(file));
        MakeList(list);
        File.Move(file, SegmentFiles.Data(list, 0));
        if (new FileInfo(CurrentPath).LinkTarget is { } target && System.IO.Path.GetFileName(target) == System.IO.Path.GetFileName(file))
        {
            MakeCurrent(list);
        }
    }

    IEnumerable<string> Names()
    {
        string path = ListPath(0);
        for (int number = 1; Directory.Exists(path); path = ListPath(number++))
        {
            yield return path;
        }
    }

    string ListPath(int number) => System.IO.Path.Combine(_lists, number == 0 ? Boot : $"{Boot}.{number}");
}
