using System.Globalization;
using System.Text.Json;

namespace ImaHost.InteropTests.Support;

/// <summary>Daemons of the default policy, one for each filesystem, and files that they do not ask about any more.</summary>
public sealed class DataMarkBench : IDisposable
{
    readonly Dictionary<string, (Volume Volume, Daemon Daemon)> _places = [];
    int _files;

    public Daemon Daemon(string kind) => Place(kind).Daemon;

    public Volume Volume(string kind) => Place(kind).Volume;

    /// <summary>A program of whole pages.</summary>
    public string AddProgram(string kind)
    {
        string path = Volume(kind).AddProgram(Name("program"));
        Shell.Must("truncate", "-s", "%4096", path);
        return path;
    }

    /// <summary>A file of zeros that was read and makes no event since.</summary>
    public string AddMarked(string kind, long size)
    {
        string path = Volume(kind)[Name("data")];
        Shell.Must("sh", "-c", $"head -c {size} /dev/zero > {path}; cat {path}");
        Assert.Equal(0ul, EventsOf(kind, () => Shell.Must("cat", path)));
        Assert.Empty(Daemon(kind).Entries($"{path} "));
        return path;
    }

    /// <summary>Permission events that this makes.</summary>
    public ulong EventsOf(string kind, Action action)
    {
        ulong before = Count(kind, "events");
        action();
        return Count(kind, "events") - before;
    }

    public ulong Count(string kind, string what) => Accesses(kind).GetProperty(what).GetUInt64();

    public void Dispose()
    {
        foreach ((Volume volume, Daemon daemon) in _places.Values)
        {
            daemon.Dispose();
            volume.Dispose();
        }
    }

    JsonElement Accesses(string kind) => Daemon(kind).Status().GetProperty("accesses");

    string Name(string what) => string.Create(CultureInfo.InvariantCulture, $"{what}{++_files}");

    (Volume Volume, Daemon Daemon) Place(string kind)
    {
        if (!_places.TryGetValue(kind, out (Volume Volume, Daemon Daemon) place))
        {
            var volume = new Volume(kind);
            place = (volume, Support.Daemon.Ready(volume.Path, "--tpm none"));
            _places[kind] = place;
        }

        return place;
    }
}
