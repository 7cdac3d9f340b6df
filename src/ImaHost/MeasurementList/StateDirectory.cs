namespace ImaHost.MeasurementList;

/// <summary>The lists on disk: one file for each boot, or for each life of an emulated TPM within it.</summary>
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

    /// <summary>Scratch space of the digest table.</summary>
    public string TablePath => System.IO.Path.Combine(Path, "digests.tmp");

    /// <summary>The policy in force, kept for the next host.</summary>
    public string PolicyPath => System.IO.Path.Combine(Path, "policy");

    /// <summary>A link to the list that is written, or was written last.</summary>
    public string CurrentPath => System.IO.Path.Combine(Path, "current");

    /// <summary>The list of this boot, by the boot id; made current.</summary>
    /// <param name="startAnew">Begin a new one beside those there are.</param>
    public string OpenList(bool startAnew)
    {
        string boot = File.ReadAllText(BootIdFile).Trim();
        int number = 0;
        while (File.Exists(ListPath(boot, number + 1)))
        {
            number++;
        }

        if (startAnew && File.Exists(ListPath(boot, number)))
        {
            number++;
        }

        string path = ListPath(boot, number);
        string fresh = CurrentPath + ".new";
        File.Delete(fresh);
        _ = File.CreateSymbolicLink(fresh, System.IO.Path.GetRelativePath(Path, path));
        File.Move(fresh, CurrentPath, overwrite: true);
        return path;
    }

    string ListPath(string boot, int number) =>
        System.IO.Path.Combine(_lists, number == 0 ? $"{boot}.ima" : $"{boot}.{number}.ima");
}
