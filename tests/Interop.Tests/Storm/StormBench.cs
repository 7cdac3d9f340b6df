using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests.Storm;

/// <summary>That a program of the bench ran: what it held, and how many bytes the stored list had by then.</summary>
public readonly record struct ContentRun(ulong Id, long Listed);

/// <summary>
/// A volume of programs that tell what they hold when they run (payload.c), a daemon that enforces, and the C programs
/// beside this file that change and run them. There is one content for each id, so that a run tells the digest.
/// </summary>
public sealed class StormBench : IDisposable
{
    /// <summary>Changed in place, or never rightly labelled (CONTENT_CHANGED and CONTENT_FOREIGN).</summary>
    const ulong MustNotRun = 3ul << 62;
    const int MostSeconds = 100;
    static readonly string Sources = Path.Combine(Bench.Repository, "tests/Interop.Tests/Storm");
    readonly string _directory = Bench.NewDirectory("storm");
    readonly Volume _volume = new("ext4");
    readonly string _payload;
    Daemon? _daemon;

    /// <param name="labelled">Programs that may run.</param>
    /// <param name="foreign">Those that may not, as many.</param>
    /// <param name="owner">The user id that owns them.</param>
    public StormBench(int labelled, int foreign = 0, int owner = 0)
    {
        _payload = Build("payload");
        Make(Labelled, labelled, "");
        Make(_volume["foreign"], foreign, "foreign");
        Shell.Must("chown", "--recursive", $"{owner}", Labelled);
        Shell.Must(Bench.Program, "label", Labelled);
    }

    /// <summary>The volume: "labelled" and "foreign" lie in it.</summary>
    public string Root => _volume.Path;

    public string Labelled => _volume["labelled"];

    /// <summary>Where the programs tell of their runs.</summary>
    public string Trace => Path.Combine(_directory, "trace");

    public Daemon Daemon => _daemon ?? throw new InvalidOperationException("it was not started");

    /// <summary>The list as it is stored, which can be looked at without a host.</summary>
    public string StoredList => Path.Combine(Status("list").GetProperty("file").GetString()!, "00000000.ima");

    /// <param name="guardOptions">What the guard is given besides, which no user could.</param>
    public void Start(string options, string guardOptions = "") =>
        _daemon = Daemon.Ready(
            _volume.Path, $"{options} --appraise enforce", guardOptions.Length == 0 ? null : Wrap(guardOptions));

    /// <summary>Compiles one of the C programs.</summary>
    public string Build(string name)
    {
        string program = Path.Combine(_directory, name);
        string[] sources = name == "payload" ? [$"{name}.c"] : [$"{name}.c", "content.c"];
        Shell.Must(
            "cc",
            ["-O2", "-pthread", "-Wall", "-Wextra", "-Werror", "-o", program, .. sources.Select(source => Path.Combine(Sources, source))]);
        return program;
    }

    /// <summary>Runs one of the C programs, which is given the labelled programs, the trace and the list at its end.</summary>
    /// <returns>What it counted.</returns>
    public Dictionary<string, long> Attack(string name, params string[] arguments)
    {
        using Running attack = Shell.Start(Build(name), [.. arguments, Labelled, Trace, StoredList]);
        return Counts(attack.Wait(MostSeconds));
    }

    /// <summary>What a program says that ended well: lines of a name and a number.</summary>
    public static Dictionary<string, long> Counts(Outcome outcome)
    {
        Assert.True(outcome.Status == 0 && outcome.Errors.Length == 0, outcome.Errors);
        return outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))
            .ToDictionary(words => words[0], words => long.Parse(words[1], CultureInfo.InvariantCulture));
    }

    public List<ContentRun> ReadRuns()
    {
        var runs = new List<ContentRun>();
        for (ReadOnlySpan<byte> rest = File.ReadAllBytes(Trace); !rest.IsEmpty; rest = rest[16..])
        {
            runs.Add(new ContentRun(
                BinaryPrimitives.ReadUInt64LittleEndian(rest), BinaryPrimitives.ReadInt64LittleEndian(rest[8..])));
        }

        return runs;
    }

    /// <summary>The runs of what must not run.</summary>
    public static int CountForbidden(IEnumerable<ContentRun> runs) => runs.Count(run => (run.Id & MustNotRun) != 0);

    /// <summary>The runs of contents whose digest did not stand in the list by then.</summary>
    public int CountUnlisted(IEnumerable<ContentRun> runs)
    {
        byte[] content = File.ReadAllBytes(_payload);
        int at = content.AsSpan().IndexOf("ImaHost content\0"u8) + 16;
        List<int> offsets = Replay.Walk(File.ReadAllBytes(Daemon.BinaryList));
        Dictionary<string, int> listed = File.ReadLines(Daemon.AsciiList).Take(offsets.Count)
            .Select((line, i) => (Digest: line.Split(' ')[3], Offset: offsets[i]))
            .GroupBy(entry => entry.Digest, entry => entry.Offset)
            .ToDictionary(group => group.Key, group => group.Min());
        bool IsListed(ContentRun run)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(at), run.Id);
            string digest = Convert.ToHexStringLower(SHA256.HashData(content));
            return listed.TryGetValue($"sha256:{digest}", out int offset) && offset < run.Listed;
        }

        return runs.Count(run => !IsListed(run));
    }

    public System.Text.Json.JsonElement Status(string part) => Daemon.Status().GetProperty(part);

    public long CountAccesses(string what) => Status("accesses").GetProperty(what).GetInt64();

    /// <summary>Ends the daemon, and looks that no process and no mount of it is left, nor a file that is still open.</summary>
    public void AssertNothingLeft()
    {
        Assert.Equal(0, Daemon.Stop());
        Shell.Must("umount", _volume.Path);
        string mounts = File.ReadAllText("/proc/mounts");
        Assert.DoesNotContain(_volume.Path, mounts, StringComparison.Ordinal);
        Assert.DoesNotContain(Daemon.Fs, mounts, StringComparison.Ordinal);
        Shell.Until(
            () => Shell.Run("pgrep", "-f", $"{_directory}|{_volume.Path}|{Daemon.State}").Status != 0, "its processes are gone");
    }

    public void Dispose()
    {
        _daemon?.Dispose();
        _volume.Dispose();
    }

    void Make(string directory, int count, string kind)
    {
        Directory.CreateDirectory(directory);
        Shell.Must("sh", "-c", $"{Build("contents")} {_payload} {directory} {count} {kind}");
    }

    /// <summary>A guard that is ours with options before those that it is given; it is found beside the program.</summary>
    /// <summary>A guard that tells no host that an exec may be under way, so that no writer waits for it.</summary>
    string BuildUntoldGuard()
    {
        string sources = Path.Combine(_directory, "native");
        Shell.Must("cp", "-r", Path.Combine(Bench.Repository, "native"), sources);
        Shell.Must("sed", "-i", "s/flags |= IMA_JOB_MAY_RUN/flags |= 0/", Path.Combine(sources, "jobs.c"));
        string guard = Path.Combine(_directory, "untold-guard");
        Shell.Must("sh", "-c", $"cc -O2 -static -o {guard} $(ls {sources}/*.c | grep -v bpf)");
        return guard;
    }

    string Wrap(string guardOptions)
    {
        string program = Path.Combine(_directory, "imahost");
        string guard = Path.Combine(_directory, "imahost-guard");
        File.Copy(Bench.Program, program);
        File.WriteAllText(guard, $"#!/bin/sh\nexec {BuildUntoldGuard()} {guardOptions} \"$@\"\n");
        Shell.Must("chmod", "755", guard);
        return program;
    }
}
