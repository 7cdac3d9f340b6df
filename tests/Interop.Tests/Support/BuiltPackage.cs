namespace ImaHost.InteropTests.Support;

/// <summary>What `make deb` and `make rpm` built from the sources as they are.</summary>
public static class BuiltPackage
{
    /// <summary>What is packed well takes its time on a machine that does other things.</summary>
    const int UnpackSeconds = 120;

    static readonly Lazy<string> Unpacked = new(Unpack);

    /// <summary>The .deb that is installed.</summary>
    public static string Deb => Find("deb", "imahost_*.deb");

    /// <summary>The .deb with the symbols.</summary>
    public static string DebSymbols => Find("deb", "imahost-dbgsym_*.deb");

    public static string Rpm => Find("rpm", "imahost-[0-9]*.rpm");

    /// <summary>Its files, below a directory.</summary>
    public static string At(string path) => Unpacked.Value + path;

    /// <summary>The package anew with another version, and another guard in it.</summary>
    /// <param name="edit">What sed does with the guard.</param>
    public static string Newer(string version, string edit = "$a newer")
    {
        string tree = Bench.NewDirectory("newer");
        Must($"dpkg-deb -R {Deb} {tree}");
        string guard = Path.Combine(tree, "usr/libexec/imahost/imahost-guard");
        Shell.Must("sh", "-c", $"LC_ALL=C sed -i '{edit}' {guard} && sed -i 's/^Version: .*/Version: {version}/' {tree}/DEBIAN/control");
        string archive = Path.Combine(Bench.NewDirectory("archive"), $"imahost_{version}.deb");
        Must($"dpkg-deb -Zgzip -z1 --root-owner-group -b {tree} {archive}");
        return archive;
    }

    static string Find(string kind, string pattern)
    {
        // A shell's pattern: [0-9] keeps the other packages of the same build out.
        string found = Shell.Script($"ls {Bench.Build}/{kind}/{pattern}").Output.Trim();
        Assert.SkipWhen(found.Length == 0, $"there is no package: make {kind}");
        return found.Split('\n')[0];
    }

    static string Unpack()
    {
        string into = Bench.NewDirectory("unpacked");
        Must($"dpkg-deb -x {Deb} {into}");
        return into;
    }

    static void Must(string script)
    {
        Outcome outcome = Shell.Script(script, UnpackSeconds);
        Assert.True(outcome.Status == 0, $"{script}: {outcome.Errors}");
    }
}
