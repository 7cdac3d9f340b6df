using System.Security.Cryptography;

namespace ImaHost.Packages;

/// <summary>dpkg's status file, and the journal beside it of what a run of dpkg has changed since.</summary>
sealed class DpkgDatabase(string root) : PackageDatabase(root)
{
    public const string Directory = "/var/lib/dpkg";

    /// <summary>Where it keeps what archives say of themselves.</summary>
    public const string Info = Directory + "/info";

    public override string Manager => "dpkg";

    string Status => In($"{Directory}/status");

    string Updates => In($"{Directory}/updates");

    protected override IEnumerable<string> Files => [Status, Updates];

    public override IReadOnlyList<InstalledPackage> Read() => [.. ReadStanzas().Select(found => found.Package)];

    /// <summary>
    /// dpkg puts the list of MD5 digests and the scripts of what it has unpacked in place unchanged. A package without such
    /// a list gets one of dpkg's making, which tells nothing of the archive.
    /// </summary>
    public override bool HasInstalled(PackageList list)
    {
        string several = $"{Info}/{list.Package.Name}:{list.Package.Architecture}";
        string stem = File.Exists(In($"{several}.list")) ? several : $"{Info}/{list.Package.Name}";
        return list.Md5Sums != null && HashOf($"{stem}.md5sums") == list.Md5Sums
            && DebianArchive.Scripts.All(kind => HashOf($"{stem}.{kind}") == list.HashOf($"{stem}.{kind}"));
    }

    /// <summary>What is there, with all that the database says of it.</summary>
    public IReadOnlyList<(InstalledPackage Package, Stanza Fields)> ReadStanzas()
    {
        MustBeRoots(Status);

        // A package stands in the newest of these that has it. Each is a whole paragraph, written under another name first.
        var newest = new Dictionary<(string?, string?), Stanza>();
        foreach (string file in (string[])[Status, .. Journal()])
        {
            foreach (Stanza stanza in ReadFile(file))
            {
                newest[(stanza["Package"], stanza["Architecture"])] = stanza;
            }
        }

        return newest.Count > 0
            ? [.. newest.Values.Select(Judge).OfType<(InstalledPackage, Stanza)>()]
            : throw new PackageException($"{Status} has no packages");
    }

    (InstalledPackage, Stanza)? Judge(Stanza stanza)
    {
        // "want flag state": deb822 of dpkg-query(1).
        PackageState? state = stanza["Status"]?.Split(' ') switch
        {
            [_, _, "installed" or "unpacked" or "half-configured" or "triggers-awaited" or "triggers-pending"]
                => PackageState.Installed,
            [_, _, "half-installed"] => PackageState.Broken,
            [_, _, "config-files"] => PackageState.ConfigFiles,
            _ => null,
        };

        // Half-installed for the first time, a package has no version yet.
        return state is { } known && stanza["Version"] != null
            ? (new InstalledPackage(DebianArchive.Identify(stanza, Root, Status), known), stanza)
            : null;
    }

    /// <returns>SHA-256, hexadecimal; null: there is no such file.</returns>
    string? HashOf(string path) =>
        File.Exists(In(path)) ? Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(In(path)))) : null;

    /// <summary>updates/0000 and on: what <c>dpkg</c> writes for each change until it writes the status file anew.</summary>
    IEnumerable<string> Journal() => System.IO.Directory.Exists(Updates)
        ? System.IO.Directory.EnumerateFiles(Updates)
            .Where(path => Path.GetFileName(path).All(char.IsAsciiDigit)).Order(StringComparer.Ordinal)
        : [];

    List<Stanza> ReadFile(string path)
    {
        try
        {
            using var reader = new StreamReader(path, ByteText.Encoding);
            return [.. Stanza.ReadAll(reader, path)];
        }
        catch (FileNotFoundException) when (path != Status)
        {
            // dpkg has taken it into the status file meanwhile, whose change is seen the next time.
            return [];
        }
    }
}
