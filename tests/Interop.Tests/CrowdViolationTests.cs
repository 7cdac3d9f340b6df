using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Many writers at once, and opens of which nobody can tell what they are for.</summary>
public sealed class CrowdViolationTests
{
    const string Read = "measure func=BPRM_CHECK\nmeasure func=FILE_CHECK\n";

    /// <summary>
    /// Opens every file by a thread of its own, names each in the first argument once it is open, and says how long
    /// the slowest took, in milliseconds.
    /// </summary>
    const string Write =
        """
        import os, sys, threading, time
        def write(path):
            begun = time.monotonic()
            file = os.open(path, os.O_WRONLY)
            took.append(int((time.monotonic() - begun) * 1000))
            os.write(log, path.encode() + b"\n")
            os.close(file)
        took = []
        log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        threads = [threading.Thread(target=write, args=(path,)) for path in sys.argv[2:]]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(max(took))
        """;

    [Fact]
    public void Crowd_of_writers_keeps_nobody_waiting_and_is_no_violation_where_nobody_reads()
    {
        using var volume = new Volume();
        string[] files = AddFiles(volume, 300);
        using Daemon daemon = Start(volume, "--tpm none");
        Shell.Must("cat", files);
        string program = volume.AddProgram("program");

        using Running crowd = Shell.Start("/usr/bin/python3", ["-c", Write, "/dev/null", .. files]);
        long begun = Environment.TickCount64;
        Shell.Must(program);

        Assert.InRange(Environment.TickCount64 - begun, 0, 2000);
        Outcome wrote = crowd.Wait();
        Assert.True(wrote.Status == 0, wrote.Errors);
        Assert.InRange(int.Parse(wrote.Output, System.Globalization.CultureInfo.InvariantCulture), 0, 5000);
        Assert.Equal("0\n", File.ReadAllText(Path.Combine(daemon.Fs, "violations")));
    }

    [Fact]
    public void Service_that_ends_looks_after_the_writers_that_came_before()
    {
        using var volume = new Volume();
        string[] files = AddFiles(volume, 30);
        using Daemon daemon = Start(volume, "--tpm none");
        using Running reader = Shell.Start(
            "/usr/bin/python3",
            ["-c", "import sys, time\nheld = [open(path) for path in sys.argv[1:]]\nprint(flush=True)\ntime.sleep(30)", .. files]);
        Shell.Until(() => files.All(file => daemon.Entries(file).Length == 1), "the reader has them open");

        string log = Path.Combine(Bench.NewDirectory("written"), "log");
        using Running crowd = Shell.Start("/usr/bin/python3", ["-c", Write, log, .. files]);
        string[] written = [];
        Shell.Until(() => (written = ReadLines(log)).Length >= files.Length / 2, "half of the files are open for writing");
        daemon.Stop();
        crowd.Wait();
        Shell.Signal("KILL", reader.Pid);

        string list = Shell.Must(Bench.Program, "list", "--state", daemon.State);
        string[] violations = [.. list.Split('\n').Where(line => line.StartsWith("10 0000000000", StringComparison.Ordinal))];
        // None is forgotten. That each is told of once is for other tests: a stop may tell of one twice.
        Assert.Empty(written.Except(violations.Select(line => line.Split(' ')[4])));
    }

    [Theory]
    [InlineData("thread", "spin = threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True); spin.start()")]
    [InlineData("openat2", "")]
    public void Writer_of_which_it_cannot_be_told_is_no_violation(string how, string before)
    {
        using var volume = new Volume();
        using Daemon daemon = Start(volume, "--tpm none");
        string open = how == "thread"
            ? "os.open(path, os.O_WRONLY | os.O_CREAT)"
            : "libc.syscall(437, -100, path.encode(), struct.pack('QQQ', os.O_WRONLY | os.O_CREAT, 0o600, 0), 24)";
        string script =
            $"import ctypes, os, struct, sys, threading\nlibc = ctypes.CDLL(None)\n{before}\n"
            + $"for path in sys.argv[1:]:\n  assert {open} >= 0\nos._exit(0)";

        Shell.Must("/usr/bin/python3", ["-c", script, .. Enumerable.Range(0, 5).Select(number => volume[$"{how}{number}"])]);

        Assert.Equal("0\n", File.ReadAllText(Path.Combine(daemon.Fs, "violations")));
    }

    static Daemon Start(Volume volume, string options)
    {
        string policy = Path.Combine(Bench.NewDirectory("policy"), "reads");
        File.WriteAllText(policy, Read);
        return Daemon.Ready(volume.Path, $"{options} --policy {policy}");
    }

    static string[] ReadLines(string file) => File.Exists(file) ? File.ReadAllLines(file) : [];

    /// <summary>Before they are watched: of what a process of many threads writes it may not be known that it does.</summary>
    static string[] AddFiles(Volume volume, int count)
    {
        string[] files = [.. Enumerable.Range(0, count).Select(number => volume[$"file{number:d4}"])];
        foreach (string file in files)
        {
            File.WriteAllText(file, file);
        }

        return files;
    }
}
