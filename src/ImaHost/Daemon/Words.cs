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

    /// <summary>"UnknownKey" is "unknown key".</summary>
    public static string Phrase<T>(T value)
        where T : struct, Enum =>
        string.Concat(value.ToString().Select((letter, at) => at > 0 && char.IsAsciiLetterUpper(letter) ? $" {letter}" : $"{letter}")).ToLowerInvariant();

    /// <summary>"off, log, fix or enforce".</summary>
    public static string List<T>()
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetValues<T>().Select(Name)];
        return $"{string.Join(", ", names[..^1])} or {names[^1]}";
    }
}
