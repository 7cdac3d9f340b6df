namespace ImaHost.MeasurementList;

/// <summary>The lists on disk: one file for each boot, or for each PCR and each life of an emulated TPM within it.</summary>
sealed class StateDirectory
{
    const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    readonly string _lists;

    /// <exception cref="IOException">The directory cannot be made.</exception>
    public StateDirectory(string path)
    {
        Path = path;
        _lists = System.IO.Path.Combine(path, "lists");
        _ = Directory.CreateDirectory(
            _lists, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public string Path { get; }

    /// <summary>What the guard of a state directory holds locked.</summary>
    public static string LockIn(string state) => System.IO.Path.Combine(state, "lock");

    /// <summary>Scratch space of the digest table.</summary>
    public string TablePath => System.IO.Path.Combine(Path, "digests.tmp");

    /// <summary>The policy in force, kept for the next host.</summary>
    public string PolicyPath => System.IO.Path.Combine(Path, "policy");

    /// <summary>What the host's own files looked like when they were entered last.</summary>
    public string OwnPath => System.IO.Path.Combine(Path, "own");

    /// <summary>A link to the list that is written, or was written last.</summary>
    public string CurrentPath => System.IO.Path.Combine(Path, "current");

    /// <summary>The list that is written, or was written last.</summary>
    public string Current => File.ResolveLinkTarget(CurrentPath, returnFinalTarget: false)?.FullName
        ?? throw new FileNotFoundException($"{CurrentPath} is no link to a list");

    /// <summary>The lists of this boot, oldest first.</summary>
    public IReadOnlyList<string> ListsOfThisBoot()
    {
        var lists = new List<string>();
        for (string path = ListPath(0); File.Exists(path); path = ListPath(lists.Count))
        {
            lists.Add(path);
        }

        return lists;
    }

    /// <summary>The path of one list more of this boot.</summary>
    public string NextList() => ListPath(ListsOfThisBoot().Count);

    /// <summary>Makes a list the current one.</summary>
    public void MakeCurrent(string path)
    {
        string fresh = CurrentPath + ".new";
        File.Delete(fresh);
        _ = File.CreateSymbolicLink(fresh, System.IO.Path.GetRelativePath(Path, path));
        File.Move(fresh, CurrentPath, overwrite: true);
    }

    string ListPath(int number)
    {
        string boot = File.ReadAllText(BootIdFile).Trim();
        return System.IO.Path.Combine(_lists, number == 0 ? $"{boot}.ima" : $"{boot}.{number}.ima");
    }
}
