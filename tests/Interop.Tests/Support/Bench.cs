using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>The place all tests work in: a tmpfs of a mount namespace that ends with the run.</summary>
public static class Bench
{
    static int _counter;

    public static string Root { get; } = MakeRoot();

    /// <summary>The repository.</summary>
    public static string Repository { get; } = FindRepository();

    public static string Build => Path.Combine(Repository, "build");

    public static string Program => Path.Combine(Build, "imahost");

    public static string Guard => Path.Combine(Build, "imahost-guard");

    /// <summary>An empty directory.</summary>
    public static string NewDirectory(string name)
    {
        string path = Path.Combine(
            Root, string.Create(CultureInfo.InvariantCulture, $"{name}{Interlocked.Increment(ref _counter)}"));
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>A file with this text, in a directory of its own.</summary>
    public static string NewFile(string name, string text)
    {
        string path = Path.Combine(NewDirectory(name), name);
        File.WriteAllText(path, text);
        return path;
    }

    static string MakeRoot()
    {
        string? outer = Environment.GetEnvironmentVariable("IMAHOST_OUTER_MOUNTS");
        string inner = File.ResolveLinkTarget("/proc/self/ns/mnt", returnFinalTarget: false)?.Name ?? "";
        if (outer == null || outer == inner)
        {
            throw new InvalidOperationException(
                "these tests mark filesystems: run them by tests/run-private.sh, as `make check` does");
        }

        string root = Path.Combine(Path.GetTempPath(), "imahost-bench");
        Directory.CreateDirectory(root);
        Shell.Must("mount", "-t", "tmpfs", "-o", "mode=0755", "imahost-bench", root);
        return root;
    }

    static string FindRepository()
    {
        DirectoryInfo? place = new(AppContext.BaseDirectory);
        while (place != null && !File.Exists(Path.Combine(place.FullName, "ImaHost.sln")))
        {
            place = place.Parent;
        }

        return place?.FullName ?? throw new InvalidOperationException("ImaHost.sln is not above the tests");
    }
}
