using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>A list as it is found, before it is read.</summary>
/// <param name="NeedsSignature">One of the configured keys must have signed it.</param>
sealed record FoundList(string File, Vouching Kind, ListStamp Stamp, bool NeedsSignature);

/// <summary>Where lists are, and on what terms they are read.</summary>
/// <param name="Entries">
/// Directories and files, of vendors and of the administrator. A list takes the place of one of the same name in an
/// earlier entry.
/// </param>
/// <param name="State">The state directory: the lists of packages are in it, and the index.</param>
/// <param name="Keys">One of them must have signed each of these lists, but for those of packages; null: none needs to.</param>
/// <param name="Limit">Lines or digests of one list.</param>
sealed record ReferenceSettings(
    IReadOnlyList<string> Entries, string State, PolicyKeys? Keys = null, int Limit = ReferenceLists.DefaultLimit)
{
    public string IndexPath => Path.Combine(State, "references.idx");

    public string Packages => Path.Combine(State, "packages");

    /// <summary>Until when lists of packages that were replaced still count.</summary>
    public string ExpiringPath => Path.Combine(Packages, "expiring");
}

/// <summary>Finds the lists.</summary>
static class ReferenceDirectories
{
    /// <summary>The number of a list has two bytes in the index.</summary>
    const int MostLists = ushort.MaxValue;

    const string Null = "/dev/null";

    /// <summary>All lists, always in the same order: those of the directories by their names, then those of packages.</summary>
    /// <param name="warnings">Gets what is wrong with a directory.</param>
    public static List<FoundList> Find(ReferenceSettings settings, List<string> warnings)
    {
        var byName = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in settings.Entries.SelectMany(entry => ListsAt(entry, warnings)))
        {
            byName[Path.GetFileName(path)] = path;
        }

        ulong limit = (ulong)settings.Limit;
        ulong terms = settings.Keys == null ? limit : settings.Keys.Fingerprint + limit;
        bool isSigned = settings.Keys != null;
        List<FoundList> found =
        [
            .. byName.Values.Where(path => !IsMasked(path)).Select(path => new FoundList(
                path, Vouching.Reference, StampOf(path, terms, isSigned), isSigned)),
            .. ListsIn(settings.Packages, ReferenceLists.IsPackageList, warnings).Order(StringComparer.Ordinal).Select(path => new FoundList(
                path, Vouching.Package, StampOf(path, limit, isSigned: false), NeedsSignature: false)),
        ];
        if (found.Count > MostLists)
        {
            warnings.Add($"{found.Count} lists are too many: {found[MostLists].File} and later ones are not read");
            found.RemoveRange(MostLists, found.Count - MostLists);
        }

        return found;
    }

    static ListStamp StampOf(string path, ulong terms, bool isSigned) =>
        new(FileMark.Of(path), isSigned ? FileMark.Of(PolicyKeys.SignatureOf(path)) : default, terms);

    /// <summary>A file that is named counts whatever its name is: that it is no list is told of.</summary>
    static string[] ListsAt(string entry, List<string> warnings) =>
        File.Exists(entry) ? [entry] : ListsIn(entry, ReferenceLists.IsList, warnings);

    static string[] ListsIn(string directory, Func<string, bool> isList, List<string> warnings)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory).Where(path => isList(Path.GetFileName(path)))];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warnings.Add($"{directory}: its lists are not in force: {e.Message}");
            return [];
        }
    }

    /// <summary>A link to /dev/null masks the lists of its name, as in systemd's directories.</summary>
    static bool IsMasked(string path) =>
        new FileInfo(path).LinkTarget != null
        && FileStat.TryOfPath(path, out FileStat end) && FileStat.TryOfPath(Null, out FileStat device)
        && (end.DeviceMajor, end.DeviceMinor, end.Inode) == (device.DeviceMajor, device.DeviceMinor, device.Inode);
}
