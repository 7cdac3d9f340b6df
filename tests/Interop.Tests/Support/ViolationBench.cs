using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>A file on a watched volume, and who watches it.</summary>
public sealed record WatchedFile(string Path, Daemon Daemon)
{
    /// <summary>Waits until these violations of it are in list and log, and sees that no more follow.</summary>
    public void Expect(params string[] causes)
    {
        const int settled = 60;
        Shell.Until(() => Daemon.CountViolations(Path) >= causes.Length, $"{causes.Length} violations");
        Shell.Until(() => Daemon.ReadCauses(Path).Length >= causes.Length, "they are in the log");
        Thread.Sleep(settled);
        Assert.Equal(causes, Daemon.ReadCauses(Path));
        Assert.Equal(causes.Length, Daemon.CountViolations(Path));
    }
}

/// <summary>
/// Two daemons that watch a tmpfs and an ext4 each: one measures whatever is read, the other has the default policy.
/// And processes that read and write. All for a whole class of tests, each of which has files of its own.
/// </summary>
public sealed class ViolationBench : IDisposable
{
    public const string OpenWriters = "open_writers";
    public const string ToMToU = "ToMToU";

    readonly Dictionary<string, Volume> _volumes = [];
    readonly Dictionary<string, Daemon> _daemons = [];
    readonly List<Actor> _actors = [];
    int _files;

    public ViolationBench()
    {
        foreach (string what in (string[])["data", "elf"])
        {
            _volumes[$"tmpfs {what}"] = new Volume();
            _volumes[$"ext4 {what}"] = new Volume("ext4");
            string policy = what == "elf" ? "" : $"--policy {Bench.NewFile("policy", "measure func=FILE_CHECK mask=^MAY_READ\n")}";
            _daemons[what] = Daemon.Ready(
                _volumes[$"tmpfs {what}"].Path, $"--watch {_volumes[$"ext4 {what}"].Path} --tpm none {policy}");
        }

        for (int i = 0; i < 4; i++)
        {
            _actors.Add(new Actor());
        }
    }

    /// <summary>Data under a policy that measures reads, and programs under the default policy.</summary>
    public static TheoryData<string, string> AllPlaces => new()
    {
        { "tmpfs", "data" }, { "tmpfs", "elf" }, { "ext4", "data" }, { "ext4", "elf" },
    };

    /// <summary>Each filesystem and each policy once.</summary>
    public static TheoryData<string, string> Places => new() { { "tmpfs", "elf" }, { "ext4", "data" } };

    public Actor Reader => _actors[0];

    public Actor OtherReader => _actors[1];

    public Actor Writer => _actors[2];

    public Actor OtherWriter => _actors[3];

    /// <summary>A file that nobody has opened yet but to make it.</summary>
    /// <param name="kind">The filesystem.</param>
    /// <param name="what">"data" or "elf", which also chooses the daemon.</param>
    public WatchedFile NewFile(string kind, string what)
    {
        Volume volume = _volumes[$"{kind} {what}"];
        string name = string.Create(CultureInfo.InvariantCulture, $"{what}{++_files}");
        string path = what == "elf" ? volume.AddProgram(name) : volume[name];
        if (what == "data")
        {
            Shell.Must("sh", "-c", $"echo {name} > {path}");
        }

        return new WatchedFile(path, _daemons[what]);
    }

    public void Dispose()
    {
        _actors.ForEach(actor => actor.Dispose());
        foreach (Daemon daemon in _daemons.Values)
        {
            daemon.Dispose();
        }

        foreach (Volume volume in _volumes.Values)
        {
            volume.Dispose();
        }
    }
}
