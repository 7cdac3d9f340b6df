using System.Buffers;

namespace ImaHost.Packages;

/// <summary>What dpkg's database says of the files of one package, besides its status.</summary>
static class DpkgInfo
{
    const int Md5Length = 32;
    static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    /// <summary>
    /// The lines of an md5sums file (deb-md5sums(5)): a digest, two spaces, a path without the slash at its start. Nothing
    /// in it is escaped.
    /// </summary>
    /// <param name="source">Its path, for messages.</param>
    /// <exception cref="PackageException">A line is something else.</exception>
    public static List<(string Path, string Md5)> ParseMd5Sums(string text, string source)
    {
        var files = new List<(string, string)>();
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }

            if (line.Length < Md5Length + 3 || line.AsSpan(0, Md5Length).ContainsAnyExcept(HexDigits)
                || line[Md5Length] != ' ')
            {
                throw new PackageException($"{source}:{number}: this is not an MD5 digest and a path");
            }

            files.Add(($"/{line[(Md5Length + 2)..].TrimStart('/')}", line[..Md5Length]));
        }

        return files;
    }

    /// <summary>The field Conffiles of the status file: a path, which may have spaces, its digest, and maybe "obsolete".</summary>
    public static List<(string Path, string Md5)> ParseConffiles(string? field)
    {
        var files = new List<(string, string)>();
        foreach (string line in (field ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.TrimStart().Split(' ');
            int digest = Array.FindLastIndex(words, word => word.Length == Md5Length && word.All(char.IsAsciiHexDigit));
            if (digest > 0)
            {
                files.Add((string.Join(' ', words[..digest]), words[digest]));
            }
        }

        return files;
    }

    /// <summary>The file "diversions": where files of other packages went that one package has put its own in place of.</summary>
    /// <returns>By the path in the package: where it went, and the package that it did not go for.</returns>
    public static Dictionary<string, (string To, string By)> ParseDiversions(string text)
    {
        var diversions = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        string[] lines = text.Split('\n');
        for (int i = 0; i + 2 < lines.Length; i += 3)
        {
            diversions[lines[i]] = (lines[i + 1], lines[i + 2]);
        }

        return diversions;
    }
}
