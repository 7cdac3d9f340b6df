using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// Until when the lists of packages that were replaced still count: lines "UNIXSECONDS FILENAME", written by the package
/// tools. A list that is not named has no end. Damage must not let one vouch for ever: where the end of a list cannot be
/// told, it is over.
/// </summary>
static partial class ExpiringLists
{
    const int MostBytes = 16 << 20;

    /// <summary>Before any time that is asked about.</summary>
    const long Over = 0;

    /// <summary>An index whose lists of packages end when the file says.</summary>
    /// <inheritdoc cref="Read"/>
    public static ReferenceIndex PutOn(ReferenceIndex index, string path, List<string> warnings) => index.Expiring(Read(
        path, index.Sources.Where(source => source.Kind == Vouching.Package).Select(source => source.File), warnings));

    /// <param name="lists">Paths of the lists of packages that there are.</param>
    /// <param name="warnings">Gets what is wrong with a line; the others count.</param>
    /// <returns>The last second of each, by its name.</returns>
    public static Dictionary<string, long> Read(string path, IEnumerable<string> lists, List<string> warnings)
    {
        var until = new Dictionary<string, long>(StringComparer.Ordinal);
        bool isWhole = true;
        try
        {
            string[] lines = Encoding.UTF8.GetString(ReadIfThere(path)).Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                isWhole &= TryRead(lines[i], new PolicyPlace(path, i + 1), until, warnings);
            }
        }
        catch (PolicyException e)
        {
            isWhole = false;
            warnings.Add($"lists of other contents than are installed (NAME~N) are over now, as their ends cannot be read: {e.Message}");
        }

        foreach (string list in lists.Where(list => !isWhole && Numbered.IsMatch(list)))
        {
            until[Path.GetFileName(list)] = Over;
        }

        return until;
    }

    /// <summary>Nothing where there is no such file; one that cannot be looked at is an error.</summary>
    static byte[] ReadIfThere(string path)
    {
        try
        {
            _ = File.GetAttributes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PolicyException(new PolicyPlace(path), e.Message);
        }

        return PolicyFiles.ReadBytes(path, MostBytes);
    }

    [GeneratedRegex(@"~[0-9]+\.sha256\z", RegexOptions.CultureInvariant)]
    static partial Regex Numbered { get; }

    /// <summary>Of two lines about one list the earlier end counts.</summary>
    /// <returns>False: it is damaged, and every name in it is over.</returns>
    static bool TryRead(string line, PolicyPlace place, Dictionary<string, long> until, List<string> warnings)
    {
        string[] words = line.Split(' ', 2);
        if (words.Length == 2 && words[1].Length > 0
            && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out long last))
        {
            until[words[1]] = Math.Min(last, until.GetValueOrDefault(words[1], long.MaxValue));
            return true;
        }

        if (line.Length == 0)
        {
            return true;
        }

        warnings.Add($"{place}: \"UNIXSECONDS FILENAME\" is expected; what it names is over now, and so is each NAME~N");
        foreach (string word in line.Split(' '))
        {
            until[word] = Over;
        }

        return false;
    }
}
