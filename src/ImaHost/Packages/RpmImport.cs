using ImaHost.Crypto;
using ImaHost.Interop;

namespace ImaHost.Packages;

/// <summary>
/// Installed packages of rpm: by the SHA-256 digests of their headers; where a header has others, by the files that match
/// them.
/// </summary>
sealed class RpmImport(string root, FileSignatureCheck? check = null) : PackageImport(root)
{
    protected override List<Func<ContentHasher, ImportedPackage>> Find(Func<PackageId, bool> isWanted) =>
    [
        .. from header in new RpmDatabase(Root).ReadHeaders()
           where isWanted(header.Package)
           select (Func<ContentHasher, ImportedPackage>)(hasher => Import(header, hasher)),
    ];

    ImportedPackage Import(RpmHeader header, ContentHasher hasher)
    {
        if (header.Algorithm == HashAlgorithm.Sha256.Name)
        {
            RpmArchive archive = RpmArchive.OfHeader(header, check);
            return new ImportedPackage(
                archive.List, [.. archive.Refused.Select(refused => new FileProblem(FileFault.BadSignature, refused))]);
        }

        using RootDirectory directory = RootDirectory.Open(Root);
        var installed = new InstalledFiles(directory, hasher);
        var files = new List<ListedFile>();
        var problems = new List<FileProblem>();
        foreach (RpmFile file in header.Files.Where(file => file.IsHashed))
        {
            string sha256 = "";
            FileFault fault = header.Algorithm is { } algorithm
                ? installed.Verify(file.Path, algorithm, file.Digest, out sha256)
                : FileFault.NoDigest;
            if (fault == FileFault.None)
            {
                files.Add(new ListedFile(sha256, file.Path));
            }
            else
            {
                problems.Add(new FileProblem(fault, file.Path));
            }
        }

        return new ImportedPackage(new PackageList(header.Package, RecordedFrom.Import, files), problems);
    }
}
