namespace ImaHost.InteropTests.Support;

/// <summary>A filesystem of its own, to be watched.</summary>
public sealed class Volume : IDisposable
{
    static int _programs;

    /// <param name="kind">tmpfs, ext4 or xfs; the last two in a loop-mounted image.</param>
    public Volume(string kind = "tmpfs")
    {
        Path = Bench.NewDirectory(kind);
        if (kind == "tmpfs")
        {
            Shell.Must("mount", "-t", "tmpfs", "-o", "mode=0755", "imahost-volume", Path);
            return;
        }

        Image = Path + ".img";
        Shell.Must("truncate", "-s", "320M", Image);
        string force = kind == "xfs" ? "-f" : "-F";
        Shell.Must($"mkfs.{kind}", "-q", force, Image);
        Shell.Must("mount", "-o", "loop", Image, Path);
    }

    public string Path { get; }

    /// <summary>The file behind it, if there is one.</summary>
    public string? Image { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>A program like no other: /bin/echo with some bytes at its end.</summary>
    public string AddProgram(string name)
    {
        string path = this[name];
        int number = Interlocked.Increment(ref _programs);
        Outcome made = Shell.Script(
            $"(cat /bin/echo; echo {number} {Guid.NewGuid()}) > \"{path}\" && chmod 755 \"{path}\"");
        Assert.True(made.Status == 0, made.Errors);
        return path;
    }

    /// <summary>Writes at a file's end, as a program of one thread does.</summary>
    public static void Change(string path) => Shell.Must("sh", "-c", $"echo changed >> '{path}'");

    public void Dispose() => Shell.Run("umount", "-l", Path);
}
