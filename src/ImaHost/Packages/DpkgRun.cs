using System.Globalization;

namespace ImaHost.Packages;

/// <summary>The dpkg that runs this process as its hook.</summary>
/// <param name="Root">The root directory it installs in, "/" or without a slash at its end.</param>
sealed record DpkgRun(ProcessIdentity Process, DpkgCommandLine Command, string Root)
{
    /// <summary>Finds it among those who started this process.</summary>
    /// <returns>Null: none of them is dpkg.</returns>
    public static DpkgRun? Find() =>
        ProcessIdentity.FindAncestor("dpkg") is { } process ? Of(process, Environment.GetEnvironmentVariable("DPKG_ROOT")) : null;

    /// <summary>What a process was told, if it was dpkg.</summary>
    /// <param name="told">The root that dpkg tells its hooks of.</param>
    /// <exception cref="IOException">It has ended.</exception>
    public static DpkgRun Of(ProcessIdentity process, string? told)
    {
        byte[] words = File.ReadAllBytes(In(process, "cmdline"));
        string text = System.Text.Encoding.UTF8.GetString(words.AsSpan().TrimEnd((byte)0));
        DpkgCommandLine command = DpkgCommandLine.Parse(text.Split('\0'));
        string root = string.IsNullOrEmpty(told) ? command.Root ?? "/" : told;
        string full = Path.GetFullPath(root, Directory.ResolveLinkTarget(In(process, "cwd"), returnFinalTarget: false)!.FullName);
        return new DpkgRun(process, command, full == "/" ? full : full.TrimEnd('/'));
    }

    /// <summary>The archives it is about to unpack.</summary>
    public IReadOnlyList<string> FindArchives() => Command.FindArchives(In(Process, "cwd"));

    static string In(ProcessIdentity process, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Pid}/{name}");
}
