using System.Diagnostics;

namespace ImaHost.Learning;

/// <summary>Which packages files belong to, as the package managers of the machine know it. Asked for many at once.</summary>
static class PackageNames
{
    const string Dpkg = "/usr/bin/dpkg-query";
    const string Rpm = "/usr/bin/rpm";
    const string RpmDatabase = "/var/lib/rpm";
    const string RpmDatabaseOfVendor = "/usr/lib/sysimage/rpm";
    const int MostAtOnce = 500;
    const int MostMilliseconds = 60_000;

    /// <summary>Directories that became links into /usr: packages may name files by the one or the other.</summary>
    static readonly string[] Merged = ["/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"];

    /// <summary>The package of each file that belongs to one.</summary>
    public static Dictionary<BytePath, string> Find(IReadOnlyCollection<BytePath> files)
    {
        var found = new Dictionary<BytePath, string>();
        foreach (Func<string[], IEnumerable<(string Path, string Package)>> ask in Managers())
        {
            Ask(files, path => path, ask, found);
            Ask(files, Otherwise, ask, found);
        }

        return found;
    }

    static IEnumerable<Func<string[], IEnumerable<(string Path, string Package)>>> Managers()
    {
        if (File.Exists(Dpkg))
        {
            yield return paths => ParseDpkg(Output(Dpkg, ["-S", "--", .. paths.Select(Escape)]));
        }

        if (File.Exists(Rpm) && (Directory.Exists(RpmDatabase) || Directory.Exists(RpmDatabaseOfVendor)))
        {
            yield return paths => ParseRpm(Output(Rpm, ["-qf", "--qf", @"[%{=NAME}\t%{FILENAMES}\n]", "--", .. paths]));
        }
    }

    /// <param name="spell">The path that the package manager is asked about; null: not about this one.</param>
    static void Ask(
        IReadOnlyCollection<BytePath> files, Func<string, string?> spell,
        Func<string[], IEnumerable<(string Path, string Package)>> ask, Dictionary<BytePath, string> found)
    {
        var asked = new Dictionary<string, BytePath>();
        foreach (BytePath file in files)
        {
            if (!found.ContainsKey(file) && file.Utf8 is { } text && !text.Contains('\n', StringComparison.Ordinal)
                && spell(text) is { } spelled)
            {
                asked[spelled] = file;
            }
        }

        foreach ((string path, string package) in asked.Keys.Chunk(MostAtOnce).SelectMany(ask))
        {
            if (asked.TryGetValue(path, out BytePath file))
            {
                _ = found.TryAdd(file, package);
            }
        }
    }

    static string? Otherwise(string path) =>
        Array.Exists(Merged, path.StartsWith) ? "/usr" + path
        : path.StartsWith("/usr/", StringComparison.Ordinal) && Array.Exists(Merged, path[4..].StartsWith) ? path[4..]
        : null;

    /// <summary>dpkg-query takes a pattern (dpkg-query(1)).</summary>
    static string Escape(string path) =>
        string.Concat(path.Select(one => one is '*' or '?' or '[' or '\\' ? $@"\{one}" : one.ToString()));

    /// <summary>"bash: /bin/bash", or "libc6:amd64, libc6:i386: /usr/share/doc/libc6".</summary>
    internal static IEnumerable<(string Path, string Package)> ParseDpkg(string output)
    {
        foreach (string line in output.Split('\n'))
        {
            int end = line.IndexOf(": /", StringComparison.Ordinal);
            if (end > 0 && !line.StartsWith("diversion by ", StringComparison.Ordinal))
            {
                yield return (line[(end + 2)..], line[..end].Split(", ")[0].Split(':')[0]);
            }
        }
    }

    /// <summary>All files of each package that has one of those asked about, each after its name and a tabulator.</summary>
    internal static IEnumerable<(string Path, string Package)> ParseRpm(string output) =>
        output.Split('\n').Select(line => line.Split('\t')).Where(parts => parts.Length == 2)
            .Select(parts => (parts[1], parts[0]));

    /// <summary>What it knows of nothing, it says on standard error, and fails: that is no mistake here.</summary>
    static string Output(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(MostMilliseconds))
        {
            process.Kill();
            throw new TimeoutException($"{program} does not answer: is its database locked?");
        }

        _ = errors.GetAwaiter().GetResult();
        return output.GetAwaiter().GetResult();
    }
}
