using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>A control group whose processes have so much memory together, what they read from disks included.</summary>
sealed class MemoryGroup : IDisposable
{
    readonly string _path;
    readonly string _limit;
    readonly string _most;

    /// <param name="bytes">The limit.</param>
    public MemoryGroup(int bytes)
    {
        bool isFirst = Directory.Exists("/sys/fs/cgroup/memory");
        (string root, _limit, _most) = isFirst
            ? ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes")
            : ("/sys/fs/cgroup", "memory.max", "memory.peak");

        // What a run left that was killed.
        Shell.Run("find", root, "-maxdepth", "1", "-name", "imahost-faults-*", "-mmin", "+10", "-exec", "rmdir", "{}", "+");
        _path = Path.Combine(root, $"imahost-faults-{Guid.NewGuid()}");
        Assert.SkipUnless(
            Shell.Script($"mkdir {_path} && echo {bytes} > {_path}/{_limit}").Status == 0,
            $"no memory can be limited here: {root} takes no group");
    }

    /// <summary>Whoever is written in here joins.</summary>
    public string Processes => Path.Combine(_path, "cgroup.procs");

    /// <summary>The most bytes that were used at one time.</summary>
    public long Most => long.Parse(File.ReadAllText(Path.Combine(_path, _most)), CultureInfo.InvariantCulture);

    public void Dispose() => Shell.Until(() => Shell.Run("rmdir", _path).Status == 0, "its processes have ended");
}
