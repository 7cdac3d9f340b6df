using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// Files of keys and of revocations, in directories or named one by one. One that is not understood is told of and
/// left out, for the others stay in force.
/// </summary>
static class VoucherFiles
{
    /// <summary>The files of each path, those of a directory by their names.</summary>
    /// <param name="paths">Directories, where one that is missing has no files, or files.</param>
    /// <param name="isTaken">Which names of a directory are: neither hidden files nor what editors leave are asked.</param>
    public static IReadOnlyList<string> In(
        IReadOnlyList<string> paths, Func<string, bool> isTaken, List<string> warnings)
    {
        var files = new List<string>();
        foreach (string path in paths)
        {
            files.AddRange(Directory.Exists(path) ? List(path, isTaken, warnings) : FileAt(path));
        }

        return files;
    }

    /// <summary>The bytes of a file, or null and a warning.</summary>
    /// <param name="takesExposed">Also one that others than root may write; of that there is a warning.</param>
    public static byte[]? TryRead(string path, int most, List<string> warnings, bool takesExposed = false)
    {
        try
        {
            byte[] content = PolicyFiles.ReadBytes(path, most, out FileStat stat);
            if (WhyExposed(path, in stat) is { } why)
            {
                warnings.Add(why);
                return takesExposed ? content : null;
            }

            return content;
        }
        catch (PolicyException e)
        {
            warnings.Add(e.Message);
            return null;
        }
    }

    /// <summary>Whoever may write what vouches for files vouches himself: that must be root alone.</summary>
    /// <returns>Null: nobody else may.</returns>
    public static string? WhyExposed(string path, in FileStat stat) => stat.IsExposed && Environment.IsPrivilegedProcess
        ? $"{path}: others than root may write it: chown root:root and chmod go-w"
        : null;

    /// <summary>
    /// A file that was named may not be missing, which reading it tells. By its name a directory has no ending, or .d.
    /// </summary>
    static string[] FileAt(string path) =>
        File.Exists(path) || Path.GetExtension(path) is not ("" or ".d") ? [path] : [];

    static string[] List(string directory, Func<string, bool> isTaken, List<string> warnings)
    {
        try
        {
            return
            [
                .. Directory.EnumerateFiles(directory)
                    .Where(file => Path.GetFileName(file) is var name && name[0] != '.' && name[^1] != '~' && isTaken(name))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warnings.Add($"{directory}: {e.Message}");
            return [];
        }
    }
}
