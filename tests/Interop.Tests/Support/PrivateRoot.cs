namespace ImaHost.InteropTests.Support;

/// <summary>
/// A minimal Debian on a filesystem of its own, with this imahost installed and its hook in dpkg's configuration. What is
/// changed in it is gone with it.
/// </summary>
public sealed class PrivateRoot : IDisposable
{
    /// <summary>Seconds that the digests of replaced versions stay valid in it.</summary>
    public const int Grace = 3;

    const int MakeSeconds = 290;

    /// <summary>Tried once: what a network does not give is not waited for by each test.</summary>
    static readonly Lazy<Outcome> Made = new(() =>
        Shell.Script($"{Path.Combine(Bench.Repository, "tests", "private-root.sh")} {Archive}", MakeSeconds));

    readonly Volume _volume = new();

    /// <param name="isInstalled">With this imahost in it; false: a Debian that has never seen it.</param>
    public PrivateRoot(bool isInstalled = true)
    {
        Assert.SkipUnless(Made.Value.Status == 0, $"no private root: {Made.Value.Errors.Trim()}");
        Shell.Must("tar", "-C", Root, "--numeric-owner", "-xf", Archive);
        Shell.Must("mount", "-t", "proc", "proc", At("/proc"));
        foreach ((string name, string minor) in ((string, string)[])[("null", "3"), ("zero", "5"), ("random", "8"), ("urandom", "9")])
        {
            Shell.Must("mknod", "-m", "666", At($"/dev/{name}"), "c", "1", minor);
        }

        Shell.Must("mknod", "-m", "600", At("/dev/fuse"), "c", "10", "229");
        if (isInstalled)
        {
            Install(Bench.Program, "/usr/sbin/imahost");
            Install(Bench.Guard, "/usr/libexec/imahost/imahost-guard");
            Install(Path.Combine(Bench.Repository, "packaging", "dpkg", "imahost"), "/etc/dpkg/dpkg.cfg.d/imahost");
            Write("/etc/imahost/imahost.yaml", $"package_grace: {Grace}\n");
        }
    }

    static string Archive => Path.Combine(Bench.Build, "private-root.tar");

    public string Root => _volume.Path;

    /// <summary>The lists, as seen from outside.</summary>
    public string Lists => At("/var/lib/imahost/packages");

    /// <summary>A path of the root, as seen from outside.</summary>
    public string At(string path) => Root + path;

    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
    }

    /// <summary>The text of a file; empty: it is not there.</summary>
    public string Read(string path) => File.Exists(At(path)) ? File.ReadAllText(At(path)) : "";

    /// <summary>Runs a script of the shell in the root.</summary>
    public Outcome Run(string script) => Shell.Script(
        $"exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive chroot {Root} /bin/sh -c '{script}'", 60);

    /// <summary>Runs a script that must succeed, and that no hook warns about.</summary>
    public string Must(string script)
    {
        Outcome outcome = Run(script);
        Assert.True(outcome.Status == 0, $"{script}: {outcome.Errors}{outcome.Output}");
        Assert.DoesNotContain("imahost: warning", outcome.Errors, StringComparison.Ordinal);
        return outcome.Output;
    }

    /// <summary>The names of the lists of a package.</summary>
    public string[] ListsOf(string package) => Directory.Exists(Lists)
        ? [.. Directory.GetFiles(Lists, $"{package}_*.sha256").Select(path => Path.GetFileName(path)!).Order()]
        : [];

    /// <summary>The names of the lists that vouch for a while only.</summary>
    public string[] Expiring() =>
        [.. Read("/var/lib/imahost/packages/expiring").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ')[1])];

    /// <summary>
    /// Builds a package: a program of its own that says the version, a configuration file, and what a test adds to it.
    /// </summary>
    /// <param name="scripts">Maintainer scripts: name and text, without the first line.</param>
    /// <returns>The archive's path in the root.</returns>
    public string Build(string name, string version, params (string Name, string Text)[] scripts)
    {
        string tree = Bench.NewDirectory("package");
        string directory = Path.Combine(tree, "DEBIAN");
        Directory.CreateDirectory(directory);
        Directory.CreateDirectory(Path.Combine(tree, "usr/bin"));
        Directory.CreateDirectory(Path.Combine(tree, "etc"));
        File.WriteAllText(Path.Combine(directory, "control"),
            $"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\nDescription: x\n");
        File.WriteAllText(Path.Combine(directory, "conffiles"), $"/etc/{name}.conf\n");
        File.WriteAllText(Path.Combine(tree, "etc", $"{name}.conf"), "setting\n");
        foreach ((string script, string text) in scripts)
        {
            string path = Path.Combine(directory, script);
            File.WriteAllText(path, $"#!/bin/sh\nset -e\n{text}\n");
            Shell.Must("chmod", "755", path);
        }

        Compile(name, version, tree);
        string archive = $"/tmp/{name}_{version}.deb";
        Shell.Must("dpkg-deb", "--root-owner-group", "-b", tree, At(archive));
        return archive;
    }

    /// <summary>Copies a file of this machine to a path of the root.</summary>
    public void Install(string file, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.Copy(file, At(path));
    }

    public void Dispose()
    {
        Shell.Run("umount", "-l", At("/proc"));
        _volume.Dispose();
    }

    /// <summary>A program and a library that it asks for the version.</summary>
    static void Compile(string name, string version, string tree)
    {
        string library = Path.Combine(tree, "usr/lib");
        Directory.CreateDirectory(library);
        string source = Path.Combine(Bench.NewDirectory("source"), "x");
        File.WriteAllText(source + "-lib.c", $"const char *version(void) {{ return \"{version}\"; }}\n");
        File.WriteAllText(source + ".c",
            $"#include <stdio.h>\nconst char *version(void);\nint main(void) {{ printf(\"%s of {version}\\n\", version()); return 0; }}\n");
        Shell.Must("gcc", "-shared", "-fPIC", "-o", Path.Combine(library, $"lib{name}.so"), source + "-lib.c");
        Shell.Must("gcc", "-o", Path.Combine(tree, "usr/bin", name), source + ".c", $"-L{library}", $"-l{name}");
    }
}
