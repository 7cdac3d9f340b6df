namespace ImaHost.Packages;

/// <summary>rpm's database, of which only rpm itself knows the format.</summary>
sealed class RpmDatabase(string root) : PackageDatabase(root)
{
    /// <summary>What it consists of in rpm's formats.</summary>
    static readonly string[] Names = ["rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages"];

    readonly Lazy<string> _directory = new(RpmQuery.FindDirectory);

    public override string Manager => "rpm";

    protected override IEnumerable<string> Files => Names.Select(name => In($"{_directory.Value}/{name}"));

    public override IReadOnlyList<InstalledPackage> Read() =>
        [.. Query(["-qa"], withFiles: false).Select(header => new InstalledPackage(header.Package, PackageState.Installed))];

    public override bool HasInstalled(PackageList list) => list.From == RecordedFrom.Header
        && Query(["-q", list.Package.Name], withFiles: true).Exists(header =>
            header.Package == list.Package && RpmArchive.OfHeader(header, check: null).List.HasSameContents(list));

    /// <summary>The headers of all packages that have files.</summary>
    public IEnumerable<RpmHeader> ReadHeaders() => Query(["-qa"], withFiles: true).Where(header => header.Files.Count > 0);

    /// <summary>The headers of the packages that own a file.</summary>
    public IEnumerable<RpmHeader> ReadOwners(string file) => Query(["-qf", file], withFiles: true);

    List<RpmHeader> Query(string[] which, bool withFiles)
    {
        // Asked where it has none, rpm makes a database.
        string database = Files.FirstOrDefault(File.Exists)
            ?? throw new PackageException($"{Root} has no database of rpm");
        MustBeRoots(database);
        return RpmQuery.Run(Root, which, withFiles);
    }
}
