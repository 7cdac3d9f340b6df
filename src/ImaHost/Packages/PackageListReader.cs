using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace ImaHost.Packages;

/// <summary>Reads what <see cref="PackageList.Format"/> wrote.</summary>
static class PackageListReader
{
    public const string Leftover = "# state: config-files";
    public const string Md5Sums = "# md5sums: ";
    const int DigestLength = 64;
    static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Of which package a list is.</summary>
    /// <returns>False: it is no list of ours.</returns>
    public static bool TryReadHeader(string path, [NotNullWhen(true)] out PackageId? package, out bool isLeftover)
    {
        string[] lines = [.. File.ReadLines(path, ByteText.Encoding).TakeWhile(line => line.StartsWith('#'))];
        isLeftover = lines.Contains(Leftover);
        package = null;
        if (lines.Length == 0 || lines[0] != PackageList.FirstLine
            || Field(lines, "manager") is not { } manager || Field(lines, "package") is not { } name
            || Field(lines, "version") is not { } version || Field(lines, "architecture") is not { } architecture)
        {
            return false;
        }

        package = new PackageId(manager, name, version, architecture, Field(lines, "root") ?? "/");
        return true;
    }

    /// <summary>The whole of a list.</summary>
    /// <exception cref="PackageException">It is none of ours, or damaged.</exception>
    public static PackageList Read(string path)
    {
        if (!TryReadHeader(path, out PackageId? package, out bool isLeftover))
        {
            throw new PackageException($"{path} is no package list of this host: remove it, then import the package again");
        }

        string[] lines = File.ReadAllLines(path, ByteText.Encoding);
        string? recorded = Field(lines, "recorded");
        RecordedFrom from = recorded?.Split(' ')[0] switch
        {
            "unpack" => RecordedFrom.Unpack,
            "header" => RecordedFrom.Header,
            _ => RecordedFrom.Import,
        };
        const string key = "# key: ";
        return new PackageList(package, from, [.. Entries(path, lines)])
        {
            IsLeftover = isLeftover,
            Md5Sums = Field(lines, "md5sums"),
            Keys = [.. lines.Where(line => line.StartsWith(key, StringComparison.Ordinal)).Select(line => line[key.Length..])],
        };
    }

    static IEnumerable<ListedFile> Entries(string path, string[] lines)
    {
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            bool isEscaped = line[0] == '\\';
            line = isEscaped ? line[1..] : line;
            if (line.Length <= DigestLength + 2 || !line.AsSpan(0, DigestLength).ContainsOnlyHex())
            {
                throw new PackageException($"{path}:{i + 1}: this is no line of sha256sum");
            }

            string name = line[(DigestLength + 2)..];
            yield return new ListedFile(line[..DigestLength], isEscaped ? Unescape(name) : name);
        }
    }

    static string Unescape(string name)
    {
        var text = new System.Text.StringBuilder(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i] == '\\' && i + 1 < name.Length ? name[++i] : '\0';
            _ = text.Append(c switch { 'n' => '\n', 'r' => '\r', '\0' => name[i], _ => c });
        }

        return text.ToString();
    }

    static string? Field(string[] lines, string name)
    {
        string start = $"# {name}: ";
        string? line = Array.Find(lines, line => line.StartsWith(start, StringComparison.Ordinal));
        return line is { } found && found.Length > start.Length ? found[start.Length..] : null;
    }

    static bool ContainsOnlyHex(this ReadOnlySpan<char> text) => text.IndexOfAnyExcept(HexDigits) < 0;
}
