using System.Globalization;

namespace ImaHost.Segments;

/// <summary>
/// The files of one list: a directory of segments, numbered from 0. What has no manifest is not sealed; the last such
/// file is the one that grows.
/// </summary>
static class SegmentFiles
{
    const string DataSuffix = ".ima";
    const string ManifestSuffix = ".json";

    /// <summary>Binary records of the kernel's form, one after the other.</summary>
    public static string Data(string directory, int number) => In(directory, number, DataSuffix);

    /// <summary>The manifest: it exists if and only if the segment is sealed.</summary>
    public static string Manifest(string directory, int number) => In(directory, number, ManifestSuffix);

    /// <summary>The digests of segment and manifest, in the form of sha256sum(1).</summary>
    public static string Detached(string directory, int number) => In(directory, number, ".sha256");

    /// <summary>What tells the entries of an erased segment again: see <see cref="EntryKeys"/>.</summary>
    public static string Keys(string directory, int number) => In(directory, number, ".keys");

    /// <summary>Is there a list, if an empty one?</summary>
    public static bool IsList(string directory) => Numbers(directory).Count > 0;

    /// <summary>The numbers of all segments of which there is a file or a manifest, in order.</summary>
    public static IReadOnlyList<int> Numbers(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return [];
        }

        var numbers = new SortedSet<int>();
        foreach (string path in Directory.EnumerateFiles(directory))
        {
            string name = Path.GetFileNameWithoutExtension(path);
            if (Path.GetExtension(path) is DataSuffix or ManifestSuffix && name.Length == 8
                && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                _ = numbers.Add(number);
            }
        }

        return [.. numbers];
    }

    /// <summary>The first segment whose bytes are there: those before it are erased. 0 also when there is none.</summary>
    public static int FirstThere(string directory) => Numbers(directory).FirstOrDefault(number => File.Exists(Data(directory, number)));

    /// <summary>Sealed segments from a number on whose bytes are there.</summary>
    public static int CountThere(string directory, int number)
    {
        int count = 0;
        for (; File.Exists(Manifest(directory, number)); number++)
        {
            count += File.Exists(Data(directory, number)) ? 1 : 0;
        }

        return count;
    }

    /// <summary>The text of <see cref="Detached"/>: `sha256sum -c` understands it in the list's directory.</summary>
    /// <param name="data">The segment's digest as manifests give it.</param>
    /// <param name="manifest">The manifest's, in the same form.</param>
    public static string DetachedText(int number, string data, string manifest) =>
        $"{Hex(data)}  {Data("", number)}\n{Hex(manifest)}  {Manifest("", number)}\n";

    static string Hex(string digest) => digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];

    static string In(string directory, int number, string suffix) =>
        Path.Combine(directory, number.ToString("d8", CultureInfo.InvariantCulture) + suffix);
}
