using System.Globalization;

namespace ImaHost.Packages;

/// <summary>A file as a header of rpm has it.</summary>
/// <param name="Digest">Hexadecimal; empty where there is nothing to hash.</param>
/// <param name="Signature">Its security.ima, hexadecimal; empty: it has none.</param>
sealed record RpmFile(string Digest, int Mode, string Signature, string Path)
{
    const int TypeMask = 0xf000;
    const int Regular = 0x8000;

    /// <summary>Is it a file with a digest? A %ghost, which the package names only, has none.</summary>
    public bool IsHashed => (Mode & TypeMask) == Regular && Digest.Length > 0;
}

/// <summary>The header of an rpm.</summary>
/// <param name="Algorithm">Of its digests, by OpenSSL's name; null: one that is not known.</param>
sealed record RpmHeader(PackageId Package, string? Algorithm, IReadOnlyList<RpmFile> Files);

/// <summary>What <c>rpm -q</c> is asked for, and how it is read.</summary>
static class RpmQuery
{
    const string PackageFormat =
        @"P\t%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{FILEDIGESTALGO}\n";

    // shescape: in single quotes, as a shell takes it, so that no name can look like something else.
    const string FileFormat = @"[F\t%{FILEDIGESTS}\t%{FILEMODES}\t%{FILESIGNATURES}\t%{FILENAMES:shescape}\n]";

    /// <summary>Headers, with their files or without.</summary>
    /// <param name="which">Which packages: ["-qa"], ["-qp", FILE].</param>
    public static List<RpmHeader> Run(string root, IEnumerable<string> which, bool withFiles = true)
    {
        string format = withFiles ? PackageFormat + FileFormat : PackageFormat;
        IEnumerable<string> arguments = root == "/" ? which : [.. which, "--root", root];
        string text = Tool.Run("rpm", [.. arguments, "--queryformat", format], ReadAll);
        return Parse(text, root);
    }

    /// <summary>Reads what rpm printed.</summary>
    /// <exception cref="PackageException">It is not what was asked for.</exception>
    internal static List<RpmHeader> Parse(string text, string root)
    {
        var headers = new List<RpmHeader>();
        for (int at = 0; at < text.Length;)
        {
            string[] fields = TakeFields(text, ref at);
            switch (fields)
            {
                case ["P", var name, var version, var architecture, var algorithm]:
                    var package = new PackageId("rpm", name, version, architecture == "(none)" ? "noarch" : architecture, root);
                    headers.Add(new RpmHeader(package.Checked("rpm"), AlgorithmOf(algorithm), new List<RpmFile>()));
                    break;
                case ["F", var digest, var mode, var signature, var path]
                    when headers.Count > 0 && int.TryParse(mode, NumberStyles.None, CultureInfo.InvariantCulture, out int bits):
                    ((List<RpmFile>)headers[^1].Files).Add(new RpmFile(OrEmpty(digest), bits, OrEmpty(signature), path));
                    break;
                default:
                    throw new PackageException($"rpm printed something else than was asked for: \"{string.Join(' ', fields)}\"");
            }
        }

        return headers;
    }

    /// <summary>The directory of the database, in any root: distributions differ.</summary>
    public static string FindDirectory() => Tool.Run("rpm", ["--eval", "%{_dbpath}"], ReadAll).Trim();

    static string ReadAll(Stream output)
    {
        using var reader = new StreamReader(output, ByteText.Encoding, leaveOpen: true);
        return reader.ReadToEnd();
    }

    static string OrEmpty(string value) => value == "(none)" ? "" : value;

    /// <summary>PGPHASHALGO of RFC 4880, section 9.4; a header that names none has MD5.</summary>
    static string? AlgorithmOf(string number) => number switch
    {
        "(none)" or "1" => "md5",
        "2" => "sha1",
        "8" => "sha256",
        "9" => "sha384",
        "10" => "sha512",
        _ => null,
    };

    /// <summary>The fields of a line, whose last may be quoted and then go on over the end of the line.</summary>
    static string[] TakeFields(string text, ref int at)
    {
        var fields = new List<string>();
        var field = new System.Text.StringBuilder();
        bool isQuoted = false;
        for (; at < text.Length && (isQuoted || text[at] != '\n'); at++)
        {
            char c = text[at];
            if (c == '\'')
            {
                isQuoted = !isQuoted;
            }
            else if (c == '\t' && !isQuoted)
            {
                fields.Add(field.ToString());
                _ = field.Clear();
            }
            else
            {
                // Between two quoted parts stands \', the quote itself.
                at += c == '\\' && !isQuoted && at + 1 < text.Length ? 1 : 0;
                _ = field.Append(text[at]);
            }
        }

        at++;
        fields.Add(field.ToString());
        return [.. fields];
    }
}
