namespace ImaHost.Daemon;

/// <summary>A line of a list of reference digests that says something of a file.</summary>
/// <param name="File">The list.</param>
/// <param name="HasPath">It names the file's path.</param>
/// <param name="HasDigest">It holds the file's digest.</param>
/// <param name="Package">Of the list of a package: which.</param>
/// <param name="Version">And which version of it.</param>
sealed record ListLine(string File, int Line, bool HasPath, bool HasDigest, string? Package, string? Version = null);

/// <summary>
/// Looks through the lists as they lie there, as texts and not by the index: also what is in force for another path, or
/// was refused, is worth knowing for who asks why.
/// </summary>
static class ListSearch
{
    const int MostLines = 20;
    const string PackageMark = "# package: ";
    const string VersionMark = "# version: ";
    static readonly string[] Endings = [".sha256", ".sha384", ".sha512", ".sums", ".yaml", ".json"];

    /// <summary>Where the package tools keep the lists they record.</summary>
    public static string PackagesIn(string state) => Path.Combine(state, "packages");

    /// <param name="places">Files and directories.</param>
    /// <param name="digests">In hex.</param>
    public static List<ListLine> Find(IEnumerable<string> places, string path, IReadOnlyList<string> digests)
    {
        var found = new List<ListLine>();
        foreach (string file in places.SelectMany(FilesIn))
        {
            try
            {
                Search(file, path, digests, found);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What cannot be read vouches for nothing either, and the loader tells of it.
            }
        }

        return found;
    }

    static IEnumerable<string> FilesIn(string place) => Directory.Exists(place)
        ? Directory.EnumerateFiles(place).Where(file => Endings.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal)
        : File.Exists(place) ? [place] : [];

    static void Search(string file, string path, IReadOnlyList<string> digests, List<ListLine> found)
    {
        string? package = null;
        string? version = null;
        string[] spellings = [.. PackageOwner.Spellings(path)];
        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            package = line.StartsWith(PackageMark, StringComparison.Ordinal) ? line[PackageMark.Length..] : package;
            version = line.StartsWith(VersionMark, StringComparison.Ordinal) ? line[VersionMark.Length..] : version;
            bool hasPath = Names(line, path) || (package != null && spellings.Any(one => Names(line, one)));
            bool hasDigest = digests.Any(digest => line.Contains(digest, StringComparison.OrdinalIgnoreCase));
            if ((hasPath || hasDigest) && line[0] != '#' && found.Count < MostLines)
            {
                found.Add(new ListLine(file, number, hasPath, hasDigest, package, version));
            }
        }
    }

    /// <summary>The whole path, and not the beginning or the end of another one.</summary>
    static bool Names(string line, string path)
    {
        int at = line.IndexOf(path, StringComparison.Ordinal);
        int end = at + path.Length;
        return at >= 0 && (at == 0 || line[at - 1] is ' ' or '*' or '(' or '"' or '\'')
            && (end == line.Length || line[end] is ' ' or ')' or '"' or '\'' or ',' or ':');
    }
}
