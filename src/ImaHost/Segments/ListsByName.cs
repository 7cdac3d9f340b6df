namespace ImaHost.Segments;

/// <summary>
/// The lists of a state directory, running or stopped. Names are boot ids, behind which a number may stand; a link is the
/// name of a boot in which a list of an earlier one went on, and leads to the name before it.
/// </summary>
static class ListsByName
{
    /// <summary>The directories of all lists that have something, oldest first as far as the times of their files tell.</summary>
    public static IReadOnlyList<string> In(string state) =>
    [
        .. Directory.EnumerateDirectories(Path.Combine(state, "lists"))
            .Where(list => new DirectoryInfo(list).LinkTarget == null && SegmentFiles.IsList(list))
            .OrderBy(BeginOf).ThenBy(list => list, StringComparer.Ordinal),
    ];

    /// <summary>The directory that a list lies in, however it is named.</summary>
    public static string Resolve(string list) =>
        new DirectoryInfo(list).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? list;

    /// <summary>The name that a list has had last: nothing leads to it.</summary>
    public static string LastOf(string list)
    {
        Dictionary<string, string> links = Directory.EnumerateDirectories(Path.GetDirectoryName(list)!)
            .Select(path => new DirectoryInfo(path))
            .Where(link => link.LinkTarget != null)
            .GroupBy(link => link.LinkTarget!)
            .ToDictionary(same => same.Key, same => same.First().Name);
        string name = Path.GetFileName(list);
        while (links.Remove(name, out string? later))
        {
            name = later;
        }

        return name;
    }

    /// <summary>The boot in which a list was written last.</summary>
    public static string BootOf(string list) => LastOf(list).Split('.')[0];

    /// <summary>Nothing touches the first segment after the second was begun, so this orders lists of machines whose clock goes on.</summary>
    static DateTime BeginOf(string list) => new[] { SegmentFiles.Data(list, 0), SegmentFiles.Manifest(list, 0) }
        .Where(File.Exists)
        .Select(File.GetLastWriteTimeUtc)
        .DefaultIfEmpty(DateTime.MaxValue)
        .Min();
}
