using System.ComponentModel;
using System.Diagnostics;
using ImaHost.Template;

namespace ImaHost.Daemon;

/// <summary>The package that a file came from, as the package manager tells it.</summary>
/// <param name="Manager">"dpkg" or "rpm".</param>
/// <param name="Name">With ":ARCHITECTURE" where dpkg writes it so.</param>
/// <param name="Altered">Its content is not what the package put there; null: that cannot be told.</param>
sealed record PackageOwner(string Manager, string Name, string Version, bool? Altered)
{
    const int MostMilliseconds = 20_000;

    /// <summary>Paths in one command line.</summary>
    const int MostAtOnce = 400;

    /// <summary>What puts the package's own content back.</summary>
    public string Reinstall => Manager == "dpkg" ? $"apt-get install --reinstall {ShellWord.Of(Name)}" : $"dnf reinstall {ShellWord.Of(Name)}";

    /// <summary>
    /// What was recorded when the package was unpacked counts before what its manager says: that one is denied the file
    /// as well, and dpkg then finds no fault with it.
    /// </summary>
    /// <param name="isDenied">Others than the host cannot read the file now.</param>
    public PackageOwner Compared(IReadOnlyList<ListLine> lists, bool isDenied)
    {
        ListLine[] own = [.. lists.Where(IsRecordedIn)];
        bool? altered = own.Length > 0 ? !own.Any(line => line.HasDigest) : isDenied && Altered == false ? null : Altered;
        return this with { Altered = altered };
    }

    /// <summary>Is that the line of this version about the file?</summary>
    public bool IsRecordedIn(ListLine line) =>
        line.HasPath && line.Version == Version && line.Package == Name.Split(':')[0];

    /// <returns>Null: no package has it, or there is no package manager.</returns>
    public static PackageOwner? Find(string path) => FindByDpkg(path) ?? FindByRpm(path);

    /// <summary>The names of the packages of several files.</summary>
    public static Dictionary<string, string> FindNames(IReadOnlyCollection<string> paths)
    {
        var spelled = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            foreach (string one in Spellings(path))
            {
                spelled[one] = path;
            }
        }

        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string[] some in spelled.Keys.Chunk(MostAtOnce))
        {
            foreach ((string name, string file) in Owners(Run("/usr/bin/dpkg-query", ["-S", "--", .. some.Select(Pattern)])))
            {
                _ = spelled.TryGetValue(file, out string? path) && names.TryAdd(path, name);
            }
        }

        return names;
    }

    static PackageOwner? FindByDpkg(string path)
    {
        if (!FindNames([path]).TryGetValue(path, out string? name))
        {
            return null;
        }

        string version = Run("/usr/bin/dpkg-query", ["-W", "-f", "${Version}", "--", name]) ?? "";
        return new PackageOwner("dpkg", name, version, IsAltered(Run("/usr/bin/dpkg", ["--verify", name]), path));
    }

    static PackageOwner? FindByRpm(string path) =>
        Run("/usr/bin/rpm", ["-qf", "--qf", "%{NAME}\n%{VERSION}-%{RELEASE}\n", "--", path])?.Split('\n')
            is [{ Length: > 0 } name, { } version, ..] && !name.Contains(' ', StringComparison.Ordinal)
            ? new PackageOwner("rpm", name, version, IsAltered(Run("/usr/bin/rpm", ["-Vf", "--", path]), path))
            : null;

    /// <summary>Of "??5??????   /path" and "S.5....T.  c /path": the third letter tells that the digest differs.</summary>
    static bool? IsAltered(string? verified, string path) => verified?.Split('\n').Any(line =>
        line.Length > 3 && line[2] == '5' && Spellings(path).Any(one => line.EndsWith(" " + one, StringComparison.Ordinal)));

    /// <summary>dpkg-query -S takes patterns (fnmatch(3)): one that a name alone matches, the name itself.</summary>
    internal static string Pattern(string path) =>
        string.Concat(path.Select(one => one is '*' or '?' or '[' or '\\' ? $@"\{one}" : $"{one}"));

    /// <summary>dpkg knows what it unpacked: /bin/x of a package may be what is /usr/bin/x now.</summary>
    public static IEnumerable<string> Spellings(string path)
    {
        const string usr = "/usr";
        yield return path;
        if (path.StartsWith(usr + "/", StringComparison.Ordinal))
        {
            yield return path[usr.Length..];
        }
    }

    /// <summary>"bash: /bin/bash", "libc6:amd64: /lib/…", "a, b: /etc/shared".</summary>
    static IEnumerable<(string Name, string File)> Owners(string? output) =>
        from line in output?.Split('\n') ?? []
        let colon = line.IndexOf(": /", StringComparison.Ordinal)
        where colon > 0 && !line.StartsWith("diversion by ", StringComparison.Ordinal)
        select (line[..colon].Split(", ")[0], line[(colon + 2)..]);

    /// <returns>What it prints, whatever its status; null: it is not there or does not end.</returns>
    static string? Run(string program, string[] arguments)
    {
        if (!File.Exists(program))
        {
            return null;
        }

        var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["LC_ALL"] = "C";
        try
        {
            using Process process = Process.Start(info)!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (output.Wait(MostMilliseconds))
            {
                process.WaitForExit();
                return output.Result;
            }

            process.Kill();
            return null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
