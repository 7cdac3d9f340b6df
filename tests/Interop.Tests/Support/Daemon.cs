using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ImaHost.InteropTests.Support;

/// <summary>A running imahost. A watchdog ends it by pid, so that no test can hang on it.</summary>
public sealed class Daemon : IDisposable
{
    const int WatchdogSeconds = 120;
    readonly Process _process;
    readonly Timer _watchdog;
    readonly StringBuilder _log = new();

    /// <param name="watch">A path on the volume to watch.</param>
    /// <param name="options">More of the command line.</param>
    public Daemon(string watch, string options, string? program = null, string? state = null, string? fs = null)
        : this(state ?? Bench.NewDirectory("state"), fs, at =>
            $"exec {program ?? Bench.Program} daemon --watch {watch} --fs {at.Fs} --state {at.State} {options}")
    {
    }

    Daemon(string state, string? fs, Func<Daemon, string> compose)
    {
        State = state;
        Fs = fs ?? Path.Combine(State, "ima");
        string command = compose(this);
        var info = new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(info)!;
        _watchdog = new Timer(_ => Kill(), null, TimeSpan.FromSeconds(WatchdogSeconds), Timeout.InfiniteTimeSpan);
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string State { get; }

    public string Fs { get; }

    /// <summary>The guard: it is the process that was started.</summary>
    public int GuardPid => _process.Id;

    public int HostPid
    {
        get
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{GuardPid}/task/{GuardPid}/children");
            string children = File.ReadAllText(path).Trim();
            foreach (string child in children.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                string comm = Shell.Run("cat", $"/proc/{child}/comm").Output;
                if (comm.Length > 0 && !comm.StartsWith("swtpm", StringComparison.Ordinal))
                {
                    return int.Parse(child, CultureInfo.InvariantCulture);
                }
            }

            return 0;
        }
    }

    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    public string BinaryList => Path.Combine(Fs, "binary_runtime_measurements");

    public string PolicyFile => Path.Combine(Fs, "policy");

    public string AsciiList => Path.Combine(Fs, "ascii_runtime_measurements");

    public static Daemon Ready(
        string watch, string options, string? program = null, string? state = null, bool tells = true)
    {
        var daemon = new Daemon(watch, options, program, state);
        daemon.AwaitReady(tells);
        return daemon;
    }

    /// <summary>The one that is installed in a private root, which watches all of it, with its own configuration.</summary>
    public static Daemon InRoot(PrivateRoot root)
    {
        var daemon = new Daemon(root.At("/var/lib/imahost"), root.At("/run/ima"), _ =>
            $"exec env -i PATH=/usr/sbin:/usr/bin chroot {root.Root} /usr/sbin/imahost daemon --watch / --tpm none");
        daemon.AwaitReady();
        return daemon;
    }

    /// <param name="tells">It says in its log what ran before. Some hosts of tests do not, or nobody reads it.</param>
    public void AwaitReady(bool tells = true)
    {
        Shell.Until(() => Log.Contains("imahost: ready", StringComparison.Ordinal) || _process.HasExited, "ready");
        Assert.False(_process.HasExited, Log);

        // The list is then what the test makes of it.
        Shell.Until(() => !tells || Log.Contains("measured what ran before", StringComparison.Ordinal), "what ran before is measured");
    }

    /// <summary>The lines of the list that name a file.</summary>
    public string[] Entries(string path) =>
        [.. File.ReadLines(AsciiList).Where(line => line.Contains($" {path}", StringComparison.Ordinal))];

    /// <summary>How many violations of a file are in the list.</summary>
    public int CountViolations(string path) =>
        Entries(path).Count(line => line.StartsWith($"10 {new string('0', 40)} ", StringComparison.Ordinal));

    /// <summary>The causes of a file's violations, as the log tells them.</summary>
    public string[] ReadCauses(string path) =>
        [.. Log.Split('\n')
            .Where(line => line.Contains("violation op=invalid_pcr ", StringComparison.Ordinal)
                && line.Contains($" name=\"{path}\" ", StringComparison.Ordinal))
            .Select(line => line.Split(" cause=")[1].Split(' ')[0])];

    public JsonElement Status()
    {
        string json = Shell.Must(Bench.Program, "status", "--json", "--state", State);
        return JsonDocument.Parse(json).RootElement;
    }

    public void KillHost()
    {
        int host = 0;
        Shell.Until(() => (host = HostPid) != 0, "a host to kill");
        Shell.Run("kill", "-KILL", $"{host}");
    }

    /// <summary>Ends it as an administrator does.</summary>
    public int Stop()
    {
        if (!_process.HasExited)
        {
            Shell.Signal("TERM", GuardPid);
        }

        Assert.True(_process.WaitForExit(TimeSpan.FromSeconds(15)), $"the guard does not stop; {Log}");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <summary>Waits for a start that must fail.</summary>
    public int AwaitFailure()
    {
        Assert.True(_process.WaitForExit(TimeSpan.FromSeconds(15)), $"it did not give up; {Log}");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
    }

    public void Dispose()
    {
        Kill();
        _process.WaitForExit();
        _watchdog.Dispose();
        _process.Dispose();
        Shell.Run("umount", "-l", Fs);
    }

    void Take(string? line)
    {
        lock (_log)
        {
            _ = _log.AppendLine(line);
        }
    }
}
