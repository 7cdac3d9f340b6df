using System.Globalization;
using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>A list in the store.</summary>
/// <param name="File">Its name within the directory.</param>
/// <param name="IsCurrent">It has the name that its package gives it, and so stands for what is installed of it.</param>
sealed record StoredList(string File, PackageId Package, bool IsLeftover, bool IsCurrent);

/// <summary>
/// The lists of packages below the state directory: one file for each version of a package. Every change is one rename, so
/// whoever reads meanwhile finds the old or the new; who changes several things holds the lock.
/// </summary>
sealed class PackageStore
{
    const string Suffix = ".sha256";
    const int LockSeconds = 10;
    readonly Dictionary<string, (DateTime Written, StoredList List)> _known = new(StringComparer.Ordinal);

    /// <param name="state">The state directory of the host.</param>
    public PackageStore(string state)
    {
        Directory = DirectoryIn(state);
        _ = System.IO.Directory.CreateDirectory(
            Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Where the lists are.</summary>
    public string Directory { get; }

    /// <summary>The directory of lists in a state directory.</summary>
    public static string DirectoryIn(string state) => Path.Combine(state, "packages");

    string ExpiringPath => Path.Combine(Directory, "expiring");

    string PendingPath => Path.Combine(Directory, "pending");

    /// <summary>Keeps others from changing the store until it is disposed.</summary>
    /// <exception cref="PackageException">Somebody else has it for too long.</exception>
    public IDisposable Lock()
    {
        string path = Path.Combine(Directory, "lock");
        for (long end = Environment.TickCount64 + (LockSeconds * 1000); ;)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Environment.TickCount64 < end && File.Exists(path))
            {
                Thread.Sleep(5);
            }
            catch (IOException e)
            {
                throw new PackageException($"{path} cannot be locked: {e.Message}");
            }
        }
    }

    /// <summary>Is there a list of that package?</summary>
    public bool Has(PackageId package) => File.Exists(PathOf(NameOf(package)));

    /// <summary>The name of the list that stands for what is installed of a package.</summary>
    public static string NameOf(PackageId package) => package.FileName + Suffix;

    /// <summary>
    /// Writes a list. One of other contents that its package has already stays: they may be what is installed, so the new
    /// one gets a number.
    /// </summary>
    /// <returns>The name of the list.</returns>
    public string Put(PackageList list)
    {
        string name = list.IsLeftover ? $"{list.Package.FileName}~config{Suffix}" : NameOf(list.Package);
        for (int number = 1; !list.IsLeftover && HasOther(name, list); number++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{list.Package.FileName}~{number}{Suffix}");
        }

        Write(PathOf(name), list.Format(DateTime.UtcNow));
        return name;
    }

    /// <summary>Lets a numbered list stand for what is installed of its package, in place of the one that did.</summary>
    /// <returns>The name it has now.</returns>
    public string Promote(StoredList list)
    {
        string name = NameOf(list.Package);
        DurableFile.Replace(PathOf(list.File), PathOf(name));
        _ = _known.Remove(list.File) | _known.Remove(name);
        return name;
    }

    /// <summary>All lists. Files that are none of ours are somebody else's business.</summary>
    public IReadOnlyList<StoredList> ReadLists()
    {
        var lists = new List<StoredList>();
        foreach (FileInfo file in new DirectoryInfo(Directory).EnumerateFiles($"*{Suffix}"))
        {
            if (_known.TryGetValue(file.Name, out var known) && known.Written == file.LastWriteTimeUtc)
            {
                lists.Add(known.List);
            }
            else if (PackageListReader.TryReadHeader(file.FullName, out PackageId? package, out bool isLeftover))
            {
                var list = new StoredList(file.Name, package, isLeftover, file.Name == NameOf(package));
                _known[file.Name] = (file.LastWriteTimeUtc, list);
                lists.Add(list);
            }
        }

        return lists;
    }

    /// <summary>The whole of a list.</summary>
    public PackageList Read(StoredList list) => PackageListReader.Read(PathOf(list.File));

    /// <summary>What is known of the lists besides.</summary>
    /// <exception cref="PackageException">It is damaged.</exception>
    public StoreState ReadState() =>
        StoreState.Parse(ExpiringPath, ReadLines(ExpiringPath), PendingPath, ReadLines(PendingPath));

    /// <summary>Writes what changed. With the lock held.</summary>
    public void WriteState(StoreState state)
    {
        WriteIfChanged(ExpiringPath, state.FormatExpiring());
        WriteIfChanged(PendingPath, state.FormatPending());
    }

    /// <summary>Removes a list.</summary>
    public void Delete(string list)
    {
        File.Delete(PathOf(list));
        _ = _known.Remove(list);
    }

    bool HasOther(string name, PackageList list) =>
        File.Exists(PathOf(name)) && !PackageListReader.Read(PathOf(name)).HasSameContents(list);

    static string[] ReadLines(string path) => File.Exists(path) ? File.ReadAllLines(path, ByteText.Encoding) : [];

    string PathOf(string list) => Path.Combine(Directory, list);

    static void WriteIfChanged(string path, string text)
    {
        string old = File.Exists(path) ? File.ReadAllText(path, ByteText.Encoding) : "";
        if (old != text)
        {
            Write(path, text);
        }
    }

    /// <summary>On disk before it has its name: after a power cut an empty list would count as one that is there.</summary>
    static void Write(string path, string text) => DurableFile.Write(path, ByteText.Encoding.GetBytes(text));
}
