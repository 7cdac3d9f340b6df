using System.Globalization;
using System.Text.RegularExpressions;

namespace ImaHost.MeasurementList;

/// <summary>
/// The list of the kernel's own IMA, where it has one. It has extended its boot_aggregate before any of us ran, even
/// without a policy; as the prefix of our list its entries explain what the PCR held then.
/// </summary>
sealed partial class KernelList
{
    static readonly string[] Directories = ["/sys/kernel/security/integrity/ima", "/sys/kernel/security/ima"];

    readonly string _directory;

    KernelList(string directory) => _directory = directory;

    public string Path => System.IO.Path.Combine(_directory, "binary_runtime_measurements");

    /// <summary>Entries in it.</summary>
    public long Count => long.Parse(
        File.ReadAllText(System.IO.Path.Combine(_directory, "runtime_measurements_count")), CultureInfo.InvariantCulture);

    /// <summary>
    /// Will it grow? It does when its policy measures. Where the kernel does not show that, more than a boot_aggregate
    /// says so.
    /// </summary>
    public bool GoesOn
    {
        get
        {
            try
            {
                return MeasureRule().IsMatch(File.ReadAllText(System.IO.Path.Combine(_directory, "policy")));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return Count > 1;
            }
        }
    }

    /// <summary>Null where the kernel has none.</summary>
    public static KernelList? Find()
    {
        string? directory = Directories.FirstOrDefault(
            one => File.Exists(System.IO.Path.Combine(one, "binary_runtime_measurements")));
        return directory == null ? null : new KernelList(directory);
    }

    /// <summary>Copies it. The kernel gives whole records at each read and no length.</summary>
    /// <exception cref="IOException">It cannot be read, or the copy not be written.</exception>
    public void CopyTo(string path)
    {
        using var from = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        using var to = new FileStream(path, FileMode.Create, FileAccess.Write);
        from.CopyTo(to);
        to.Flush(flushToDisk: true);
    }

    [GeneratedRegex(@"^\s*measure\b", RegexOptions.Multiline)]
    private static partial Regex MeasureRule();
}
