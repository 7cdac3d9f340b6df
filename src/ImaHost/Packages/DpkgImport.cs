using System.Diagnostics.CodeAnalysis;
using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>
/// Installed packages of dpkg: from the archive where apt still has it, else from the files that match the MD5 digests in
/// dpkg's database. MD5 counts here, and to tell builds of one version apart
/// (<see cref="DpkgDatabase.HasInstalled"/>); nowhere else.
/// </summary>
sealed class DpkgImport : PackageImport
{
    const string Info = DpkgDatabase.Directory + "/info";
    const string Archives = "/var/cache/apt/archives";
    readonly RootDirectory _root;
    readonly Dictionary<string, (string To, string By)> _diversions;

    /// <exception cref="ErrnoException">There is no such root directory.</exception>
    public DpkgImport(string root)
        : base(root)
    {
        _root = RootDirectory.Open(root);
        _diversions = DpkgInfo.ParseDiversions(ReadText($"{DpkgDatabase.Directory}/diversions"));
    }

    public override void Dispose()
    {
        _root.Dispose();
        base.Dispose();
    }

    protected override List<Func<ContentHasher, ImportedPackage>> Find(Func<PackageId, bool> isWanted) =>
    [
        .. from found in new DpkgDatabase(Root).ReadStanzas()
           where found.Package.State == PackageState.Installed && isWanted(found.Package.Id)
           select (Func<ContentHasher, ImportedPackage>)(hasher => Import(found.Package.Id, found.Fields, hasher)),
    ];

    ImportedPackage Import(PackageId package, Stanza fields, ContentHasher hasher)
    {
        string stem = $"{Info}/{DebianArchive.InfoName(package, fields)}";
        string md5Sums = ReadText($"{stem}.md5sums");
        if (TryReadArchive(package, md5Sums, hasher, out DebianArchive? archive))
        {
            return new ImportedPackage(archive.List, []);
        }

        var files = new List<ListedFile>();
        var problems = new List<FileProblem>();
        var installed = new InstalledFiles(_root, hasher);
        void Take(string path, string? md5, FileFault changed)
        {
            FileFault fault = installed.Verify(PlaceOf(path, package), "md5", md5, out string sha256);
            if (fault == FileFault.None)
            {
                files.Add(new ListedFile(sha256, path));
            }
            else
            {
                problems.Add(new FileProblem(fault == FileFault.Changed ? changed : fault, path));
            }
        }

        // A path counts once, as configuration if it is that: some packages have it among the others too.
        List<(string Path, string Md5)> conffiles = DpkgInfo.ParseConffiles(fields["Conffiles"]);
        List<(string Path, string Md5)> shipped =
        [
            .. DpkgInfo.ParseMd5Sums(md5Sums, $"{stem}.md5sums").ExceptBy(conffiles.Select(file => file.Path), file => file.Path),
        ];
        shipped.ForEach(file => Take(file.Path, file.Md5, FileFault.Changed));
        conffiles.ForEach(file => Take(file.Path, file.Md5, FileFault.ChangedConffile));
        foreach (string script in DebianArchive.Scripts.Select(script => $"{stem}.{script}").Where(IsThere))
        {
            // No digest of it is kept anywhere: that only root can write there has to do.
            Take(script, md5: null, FileFault.Changed);
        }

        var known = shipped.Concat(conffiles).Select(file => file.Path).ToHashSet(StringComparer.Ordinal);
        problems.AddRange(FindWithoutDigest(stem, known, package, installed));
        return new ImportedPackage(new PackageList(package, RecordedFrom.Import, files), problems);
    }

    IEnumerable<FileProblem> FindWithoutDigest(
        string stem, HashSet<string> known, PackageId package, InstalledFiles installed) =>
        from path in ReadText($"{stem}.list").Split('\n', StringSplitOptions.RemoveEmptyEntries)
        where !known.Contains(path) && installed.Look(PlaceOf(path, package)) is FileFault.None or FileFault.NotRoots
        select new FileProblem(FileFault.NoDigest, path);

    /// <summary>The archive that was installed, if apt still has it: its list of digests is then the installed one.</summary>
    bool TryReadArchive(PackageId package, string md5Sums, ContentHasher hasher, [NotNullWhen(true)] out DebianArchive? archive)
    {
        archive = null;
        string version = package.Version.Replace(":", "%3a", StringComparison.Ordinal);
        string path = $"{Archives}/{package.Name}_{version}_{package.Architecture}.deb";
        if (md5Sums.Length == 0 || new InstalledFiles(_root, hasher).Look(path) != FileFault.None)
        {
            return false;
        }

        try
        {
            var found = DebianArchive.Read(Root == "/" ? path : Root + path, hasher, Root, RecordedFrom.Import);
            archive = found.List.Package == package && found.Md5Sums == md5Sums ? found : null;
            return archive != null;
        }
        catch (PackageException)
        {
            // A download that was cut short. The installed files say as much.
            return false;
        }
    }

    string PlaceOf(string path, PackageId package) =>
        _diversions.TryGetValue(path, out (string To, string By) diversion) && diversion.By != package.Name ? diversion.To : path;

    bool IsThere(string path) => _root.Stat(ByteText.Path(path), out _) == 0;

    /// <summary>A file of the database; empty where there is none.</summary>
    string ReadText(string path)
    {
        int error = _root.Open(ByteText.Path(path), out HeldFile file);
        using (file)
        {
            if (error < 0 || !file.TryStat(out FileStat stat, out error))
            {
                return "";
            }

            byte[] text = new byte[stat.Size];
            int got = 0;
            for (int more; got < text.Length && (more = file.ReadAt(text.AsSpan(got), got)) > 0; got += more)
            {
            }

            return ByteText.Encoding.GetString(text, 0, got);
        }
    }
}
