using System.Globalization;

namespace ImaHost.InteropTests.Support;

/// <summary>A file whose verdict is to be kept: to use it again makes no event.</summary>
/// <param name="Command">Uses it.</param>
public sealed record KeptFile(string Path, string Command, Daemon Daemon)
{
    /// <summary>The digests in the list, in their order, without violations.</summary>
    public string[] Digests =>
        [.. Daemon.Entries($"{Path} ").Select(line => line.Split(' ')[3]["sha256:".Length..])
            .Where(digest => digest.Any(digit => digit != '0'))];

    /// <summary>What is to be in the list when it was used as it is now.</summary>
    public string Digest => Shell.Must("sha256sum", Path)[..64];

    /// <summary>Uses it, and looks that it could be.</summary>
    public void Use()
    {
        Outcome outcome = Shell.Script(Command);
        Assert.True(outcome.Status == 0, outcome.Errors);
    }

    /// <summary>Uses it, and looks that its verdict is kept.</summary>
    /// <returns>Itself.</returns>
    public KeptFile Keep()
    {
        Use();
        ulong before = Count("events");
        Use();
        Assert.Equal(before, Count("events"));
        Assert.Equal(Digest, Digests[^1]);
        return this;
    }

    /// <summary>Uses it, and looks that it was measured as it is now before it was used.</summary>
    /// <param name="before">What it held before, all of which is in the list.</param>
    public void ExpectMeasuredAnew(params string[] before)
    {
        Use();

        // In this order: to read it is to have it measured.
        string[] digests = Digests;
        string now = Digest;
        Assert.DoesNotContain(now, before);
        Assert.Equal([.. before, now], digests);
    }

    ulong Count(string what) => Daemon.Status().GetProperty("accesses").GetProperty(what).GetUInt64();
}

/// <summary>Daemons that keep verdicts, one for each filesystem and policy, for a whole class of tests.</summary>
public sealed class KeptBench : IDisposable
{
    /// <summary>Whole pages that a program does not need.</summary>
    const int Spare = 4 * 4096;

    readonly Dictionary<(string Kind, string Policy), (Volume Volume, Daemon Daemon)> _places = [];
    int _files;

    /// <summary>A program that nobody has run yet, under the default policy.</summary>
    public KeptFile NewProgram(string kind)
    {
        string path = AddProgram(kind);
        return new KeptFile(path, path, Place(kind, "exec").Daemon);
    }

    /// <summary>A library that nobody has opened yet, under the default policy. Its "word" is "before".</summary>
    public KeptFile NewLibrary(string kind)
    {
        string source = Bench.NewFile("library.c", "const char word[] = \"before\";\n");
        (Volume volume, Daemon daemon) = Place(kind, "exec");
        string path = volume[Name("library")];
        Shell.Must("cc", "-shared", "-fPIC", "-o", path, source);
        return new KeptFile(path, $"cat {path} > /dev/null", daemon);
    }

    /// <summary>A file that root is to read, under the policy that measures it.</summary>
    public KeptFile NewData(string kind)
    {
        string path = AddData(kind);
        return new KeptFile(path, $"cat {path} > /dev/null", Place(kind, "tcb").Daemon);
    }

    /// <summary>A program like no other, of whole pages, the last of which it does not need.</summary>
    public string AddProgram(string kind) => Add(Place(kind, "exec").Volume, "/bin/echo", "755");

    /// <summary>A file like no other, of whole pages, that nobody may run.</summary>
    public string AddData(string kind) => Add(Place(kind, "tcb").Volume, "", "644");

    public void Dispose()
    {
        foreach ((Volume volume, Daemon daemon) in _places.Values)
        {
            daemon.Dispose();
            volume.Dispose();
        }
    }

    string Name(string what) => string.Create(CultureInfo.InvariantCulture, $"{what}{++_files}");

    string Add(Volume volume, string start, string mode)
    {
        string path = volume[Name("file")];
        Shell.Must(
            "sh", "-c",
            $"(cat {start} /dev/null; head -c {Spare} /dev/urandom) > {path}; truncate -s %4096 {path}; chmod {mode} {path}");
        return path;
    }

    (Volume Volume, Daemon Daemon) Place(string kind, string policy)
    {
        if (!_places.TryGetValue((kind, policy), out (Volume Volume, Daemon Daemon) place))
        {
            var volume = new Volume(kind);
            place = (volume, Daemon.Ready(volume.Path, $"--tpm none --policy {policy}"));
            _places[(kind, policy)] = place;
        }

        return place;
    }
}
