namespace ImaHost.InteropTests.Support;

/// <summary>A directory in which whatever is mounted is to be watched.</summary>
public sealed class MountBench : IDisposable
{
    public string Root { get; } = Bench.NewDirectory("mounts");

    /// <summary>A daemon that watches what is mounted below here.</summary>
    public Daemon Watch(string options) => Daemon.Ready($"'mount:{Root}/**'", options);

    public static void AwaitWatched(Daemon daemon, string path) =>
        Shell.Until(() => IsWatched(daemon, path), $"{path} is watched: {daemon.Log}");

    public static bool IsWatched(Daemon daemon, string path) => daemon.Status().GetProperty("watch").EnumerateArray()
        .Any(one => one.GetString()!.StartsWith($"{path} (", StringComparison.Ordinal));

    public void Dispose()
    {
    }
}

/// <summary>A place to mount something at.</summary>
public sealed class MountPlace : IDisposable
{
    static int _counter;

    readonly string _type;
    readonly string _go = System.IO.Path.Combine(Bench.NewDirectory("go"), "go");

    public MountPlace(string root, string type)
    {
        _type = type;
        Path = System.IO.Path.Combine(root, $"place{Interlocked.Increment(ref _counter)}");
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Mount(string options = "defaults") =>
        Shell.Must("mount", "-t", _type, "-o", options, "imahost-place", Path);

    /// <summary>A program like no other.</summary>
    public string AddProgram(string name)
    {
        string path = this[name];
        Shell.Must("sh", "-c", $"(cat /bin/echo; echo {Guid.NewGuid()}) > {path} && chmod 755 {path}");
        return path;
    }

    /// <summary>
    /// Mounts it in a namespace of its own, where a program is run from it when <see cref="LetGo"/> is called.
    /// </summary>
    /// <param name="unshare">Makes the namespace.</param>
    public Running MountInNamespace(string unshare) => Shell.StartScript(
        $"timeout 30 {unshare} sh -c 'mount -t {_type} imahost-place {Path} && cp /bin/echo {this["program"]} "
        + $"&& echo own >> {this["program"]}; while [ ! -e {_go} ]; do sleep 0.05; done; {this["program"]} ran'");

    /// <summary>A FUSE filesystem that answers nothing, for as long as the process lives: whoever touches it waits.</summary>
    public Running MountWithoutServer()
    {
        const string program =
            "import ctypes,os,sys,time; fd=os.open('/dev/fuse',os.O_RDWR); "
            + "e=ctypes.CDLL(None,use_errno=True).mount(b'stuck',sys.argv[1].encode(),sys.argv[2].encode(),0,"
            + "f'fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()); "
            + "time.sleep(30 if e == 0 else 0)";
        return Shell.Start("/usr/bin/python3", "-c", program, Path, _type);
    }

    public void LetGo() => File.WriteAllText(_go, "");

    public void Dispose()
    {
        foreach (int _ in Enumerable.Range(0, 2))
        {
            Shell.Run("umount", "-l", Path);
        }
    }
}
