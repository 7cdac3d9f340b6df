namespace ImaHost.InteropTests.Support;

/// <summary>An overlay whose layers lie on an ext4 of their own.</summary>
public sealed class OverlayBench : IDisposable
{
    readonly Volume _disk = new("ext4");
    readonly MountBench _bench = new();
    readonly MountPlace _place;

    public OverlayBench()
    {
        Assert.SkipUnless(
            Environment.OSVersion.Version >= new Version(6, 5), "before Linux 6.5 the layers of an overlay raise no events");
        foreach (string layer in (string[])["lower", "upper", "work"])
        {
            Directory.CreateDirectory(_disk[layer]);
        }

        _place = new MountPlace(_bench.Root, "overlay");
    }

    /// <summary>A file as the overlay shows it.</summary>
    public string this[string name] => _place[name];

    public string Path => _place.Path;

    /// <param name="what">"layers": the ext4; "overlay"; "both": the ext4, and whatever is mounted later.</param>
    public Daemon Watch(string what, string options)
    {
        if (what == "both")
        {
            Daemon daemon = _bench.Watch($"--watch {_disk.Path} {options}");
            Mount();
            return daemon;
        }

        Mount();
        return Daemon.Ready(what == "layers" ? _disk.Path : Path, options);
    }

    public void Mount() =>
        _place.Mount($"lowerdir={_disk["lower"]},upperdir={_disk["upper"]},workdir={_disk["work"]}");

    /// <returns>The program in the layer, where the overlay does not know of it.</returns>
    public string AddProgram(string layer, string name)
    {
        string path = _disk[$"{layer}/{name}"];
        Shell.Must("sh", "-c", $"(cat /bin/echo; echo {Guid.NewGuid()}) > {path} && chmod 755 {path}");
        return path;
    }

    public void Dispose()
    {
        _place.Dispose();
        _bench.Dispose();
        _disk.Dispose();
    }
}
