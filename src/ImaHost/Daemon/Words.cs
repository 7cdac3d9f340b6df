namespace ImaHost.Daemon;

/// <summary>Words of the command line and the configuration: enum members in lower case.</summary>
static class Words
{
    public static bool TryParse<T>(string word, out T value)
        where T : struct, Enum
    {
        foreach (T candidate in Enum.GetValues<T>())
        {
            if (word.Equals(Name(candidate), StringComparison.Ordinal))
            {
                value = candidate;
                return true;
            }
        }

        value = default;
        return false;
    }

    public static string Name<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>"off, log, fix or enforce".</summary>
    public static string List<T>()
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetValues<T>().Select(Name)];
        return $"{string.Join(", ", names[..^1])} or {names[^1]}";
    }

    /// <summary>The word that takes the fewest changes of a letter to become; null when none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        string? nearest = known.MinBy(candidate => Distance(word, candidate));
        return nearest != null && Distance(word, nearest) <= Math.Max(word.Length / 2, 1) ? nearest : null;
    }

    static int Distance(string a, string b)
    {
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] current = new int[b.Length + 1];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
            }

            previous = current;
        }

        return previous[b.Length];
    }
}
