using System.Text.Json;

namespace ImaHost.Segments;

/// <summary>
/// Small files in which it is kept how far something has come. None is worth that a host does not start: a damaged one
/// counts as none, and whoever keeps it does then what loses nothing.
/// </summary>
static class KeptFile
{
    const string AsideSuffix = ".damaged";

    /// <param name="parse">Gives null, or throws as readers of JSON and numbers do, for what is not such a file.</param>
    /// <param name="otherwise">What is done without it.</param>
    /// <param name="warn">Hears of a damaged one once: it is moved aside then. Null: nobody does, and it stays.</param>
    /// <param name="stays">It stays also then, until it is written anew.</param>
    /// <returns>Null: there is none, or it is damaged.</returns>
    public static T? Read<T>(string path, Func<byte[], T?> parse, string otherwise, Action<string>? warn, bool stays = false)
        where T : class
    {
        if (!File.Exists(path))
        {
            return null;
        }

        string why = "that is no such file";
        try
        {
            if (parse(File.ReadAllBytes(path)) is { } value)
            {
                return value;
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException or IOException or UnauthorizedAccessException)
        {
            why = e.Message.Split('\n')[0];
        }

        warn?.Invoke($"{path} is damaged ({why}): {otherwise}{(!stays && TryMoveAside(path) ? $"; it is kept as {path}{AsideSuffix}" : "")}");
        return null;
    }

    static bool TryMoveAside(string path)
    {
        try
        {
            File.Move(path, path + AsideSuffix, overwrite: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
