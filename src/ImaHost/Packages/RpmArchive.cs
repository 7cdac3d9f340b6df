using System.IO.Compression;
using ImaHost.Crypto;

namespace ImaHost.Packages;

/// <summary>What an rpm vouches for, by its header or by its payload.</summary>
/// <param name="Refused">Files that are left out, and why.</param>
sealed record RpmArchive(PackageList List, IReadOnlyList<string> Refused)
{
    /// <summary>Reads an archive. All or nothing.</summary>
    /// <exception cref="PackageException">It is no rpm, or damaged.</exception>
    public static RpmArchive Read(string file, ContentHasher hasher, FileSignatureCheck? check)
    {
        file = Path.GetFullPath(file);
        try
        {
            RpmHeader header = RpmQuery.Run("/", ["-qp", file]) is [var one]
                ? one
                : throw new PackageException("it is not one package");
            return header.Algorithm == HashAlgorithm.Sha256.Name ? OfHeader(header, check) : OfPayload(file, header, hasher);
        }
        catch (PackageException e)
        {
            throw new PackageException($"{file}: {e.Message}");
        }
    }

    /// <summary>The SHA-256 digests of a header: rpm itself refuses to unpack a file that does not match.</summary>
    public static RpmArchive OfHeader(RpmHeader header, FileSignatureCheck? check)
    {
        var signatures = new FileSignatures(check);
        var files = new List<ListedFile>();
        var refused = new List<string>();
        foreach (RpmFile file in header.Files.Where(file => file.IsHashed))
        {
            string? refusal = file.Digest.Length != 2 * HashAlgorithm.Sha256.Size ? "its digest is no SHA-256"
                : signatures.Refuse(file, HashAlgorithm.Sha256);
            if (refusal == null)
            {
                files.Add(new ListedFile(file.Digest.ToLowerInvariant(), file.Path));
            }
            else
            {
                refused.Add($"{ByteText.Show(file.Path)}: {refusal}");
            }
        }

        return new RpmArchive(
            new PackageList(header.Package, RecordedFrom.Header, files) { Keys = signatures.Keys }, refused);
    }

    /// <summary>
    /// A header with MD5, SHA-1 or a longer digest says nothing that the SHA-256 of a file is found by, so the payload is
    /// hashed.
    /// </summary>
    static RpmArchive OfPayload(string file, RpmHeader header, ContentHasher hasher)
    {
        using FileStream archive = File.OpenRead(file);
        TarContents contents = Tool.Run(
            "rpm2archive", ["-"],
            output =>
            {
                using var tar = new GZipStream(output, CompressionMode.Decompress, leaveOpen: true);
                return new TarContents(hasher).Read(tar, path => path);
            },
            archive);
        return new RpmArchive(new PackageList(header.Package, RecordedFrom.Unpack, contents.Files), contents.Refused);
    }
}
