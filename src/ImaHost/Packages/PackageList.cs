using System.Globalization;
using System.Text;

namespace ImaHost.Packages;

/// <summary>A regular file that a package brings.</summary>
/// <param name="Sha256">64 hexadecimal digits, lower case.</param>
/// <param name="Path">Absolute, as <see cref="ByteText"/>.</param>
readonly record struct ListedFile(string Sha256, string Path);

/// <summary>Where the digests of a list are from.</summary>
enum RecordedFrom
{
    /// <summary>From the archive, before it was unpacked.</summary>
    Unpack,

    /// <summary>From the installed files, each of which matched the digest in the package database.</summary>
    Import,

    /// <summary>From the package's header.</summary>
    Header,
}

/// <summary>
/// What one version of a package vouches for: a file that <c>sha256sum -c</c> reads, with the facts of the package in
/// comments before the digests.
/// </summary>
sealed record PackageList(PackageId Package, RecordedFrom From, IReadOnlyList<ListedFile> Files)
{
    public const string FirstLine = "# imahost package list 1";

    /// <summary>Ids of the trusted keys whose signatures in the header of an rpm were verified, hexadecimal.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>
    /// SHA-256 (hexadecimal) of the list of MD5 digests that the archive brings, which dpkg keeps: by it one can tell whether
    /// the archive was unpacked. Null: it has none, or the list is of no archive.
    /// </summary>
    public string? Md5Sums { get; init; }

    /// <summary>
    /// The package is removed but for its configuration. Its scripts stay, and run when it is purged: the list has only
    /// them.
    /// </summary>
    public bool IsLeftover { get; init; }

    /// <summary>The text of the file.</summary>
    public string Format(DateTime when)
    {
        var text = new StringBuilder();
        AppendHeader(text, when);
        foreach (ListedFile file in Files)
        {
            AppendLine(text, file);
        }

        return text.ToString();
    }

    /// <summary>Do both vouch for the same files?</summary>
    public bool HasSameContents(PackageList other) => Files.ToHashSet().SetEquals(other.Files);

    /// <summary>The digest of a file; null: it has none of that path.</summary>
    public string? HashOf(string path) => Files.FirstOrDefault(file => file.Path == path).Sha256;

    void AppendHeader(StringBuilder text, DateTime when)
    {
        string from = From switch
        {
            RecordedFrom.Unpack => "unpack",
            RecordedFrom.Import => "import",
            RecordedFrom.Header => "header",
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        _ = text.Append(FirstLine).Append('\n')
            .Append("# manager: ").Append(Package.Manager).Append('\n')
            .Append("# package: ").Append(Package.Name).Append('\n')
            .Append("# version: ").Append(Package.Version).Append('\n')
            .Append("# architecture: ").Append(Package.Architecture).Append('\n')
            .Append(CultureInfo.InvariantCulture, $"# recorded: {from} {when:yyyy-MM-ddTHH:mm:ssZ}\n");
        if (Package.Root != "/")
        {
            _ = text.Append("# root: ").Append(Package.Root).Append('\n');
        }

        if (IsLeftover)
        {
            _ = text.Append(PackageListReader.Leftover).Append('\n');
        }

        if (Md5Sums != null)
        {
            _ = text.Append(PackageListReader.Md5Sums).Append(Md5Sums).Append('\n');
        }

        foreach (string key in Keys)
        {
            _ = text.Append("# key: ").Append(key).Append('\n');
        }
    }

    /// <summary>As sha256sum(1) writes it: a line whose name has such characters begins with a backslash.</summary>
    static void AppendLine(StringBuilder text, ListedFile file)
    {
        bool isPlain = file.Path.AsSpan().IndexOfAny('\\', '\n', '\r') < 0;
        string path = isPlain
            ? file.Path
            : file.Path.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
        _ = text.Append(isPlain ? "" : "\\").Append(file.Sha256).Append("  ").Append(path).Append('\n');
    }
}
