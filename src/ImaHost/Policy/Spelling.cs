namespace ImaHost.Policy;

/// <summary>Finds the word that somebody meant.</summary>
static class Spelling
{
    /// <summary>Longer words are nobody's slip of the pen, and comparing them would take long.</summary>
    const int MostLetters = 64;

    /// <summary>What an error about an unknown word ends with: the nearest known one, or all of them.</summary>
    public static string Hint(string word, IReadOnlyCollection<string> known) => Nearest(word, known) is { } nearest
        ? $"the nearest known one is \"{nearest}\""
        : $"known are {string.Join(", ", known)}";

    /// <summary>The word that takes the fewest changes of a letter to become; null when none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        if (word.Length > MostLetters)
        {
            return null;
        }

        string? nearest = known.MinBy(candidate => Distance(word, candidate));
        return nearest != null && Distance(word, nearest) <= Math.Max(word.Length / 2, 1) ? nearest : null;
    }

    /// <summary>Levenshtein's; a letter in the other case costs nothing.</summary>
    static int Distance(string a, string b)
    {
        int[] previous = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int[] current = new int[b.Length + 1];
            current[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                bool same = char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]);
                int replaced = previous[j - 1] + (same ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
            }

            previous = current;
        }

        return previous[b.Length];
    }
}
