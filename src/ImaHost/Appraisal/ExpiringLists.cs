using System.Globalization;
using System.Text;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// Until when the lists of packages that were replaced still count: lines "UNIXSECONDS FILENAME", written by the package
/// tools. A list that is not named has no end.
/// </summary>
static class ExpiringLists
{
    const int MostBytes = 16 << 20;

    /// <param name="warnings">Gets what is wrong with a line; the others count.</param>
    /// <returns>The last second of each, by its name.</returns>
    public static Dictionary<string, long> Read(string path, List<string> warnings)
    {
        var until = new Dictionary<string, long>(StringComparer.Ordinal);
        if (!File.Exists(path))
        {
            return until;
        }

        try
        {
            string[] lines = Encoding.UTF8.GetString(PolicyFiles.ReadBytes(path, MostBytes)).Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                Read(lines[i], new PolicyPlace(path, i + 1), until, warnings);
            }
        }
        catch (PolicyException e)
        {
            warnings.Add($"no list of a replaced package comes to its end: {e.Message}");
        }

        return until;
    }

    /// <summary>Of two lines about one list the earlier end counts.</summary>
    static void Read(string line, PolicyPlace place, Dictionary<string, long> until, List<string> warnings)
    {
        string[] words = line.Split(' ', 2);
        if (words.Length == 2 && words[1].Length > 0
            && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out long last))
        {
            until[words[1]] = Math.Min(last, until.GetValueOrDefault(words[1], long.MaxValue));
        }
        else if (line.Length > 0)
        {
            warnings.Add($"{place}: \"UNIXSECONDS FILENAME\" is expected");
        }
    }
}
