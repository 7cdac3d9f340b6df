using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// Boots one after the other, in which one state directory lives on. Another boot id is mounted over the kernel's, in this
/// run's own mount namespace; the TPM is a real emulator, which a reboot resets and a kexec leaves as it is.
/// </summary>
public sealed class RebootTests : IDisposable
{
    const string BootId = "/proc/sys/kernel/random/boot_id";
    readonly Emulator _tpm = new();
    readonly Volume _volume = new();
    readonly string _state = Bench.NewDirectory("state");
    readonly string _target = Path.Combine(Bench.NewDirectory("target"), "list");
    readonly string _handed = Path.Combine(Bench.NewDirectory("handed"), "segments");
    int _mounts;

    public void Dispose()
    {
        _volume.Dispose();
        _tpm.Dispose();
        for (; _mounts > 0; _mounts--)
        {
            Shell.Must("umount", BootId);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void List_goes_on_over_a_kexec_as_one_list_that_verifies(bool inOrder)
    {
        string first = Kexec();
        string[] programs;
        byte[] before;
        using (Daemon daemon = Start("{segment_entries: 5}"))
        {
            programs = Run(12);
            End(daemon, inOrder);
        }

        string second = Kexec();
        before = Cat();
        using (Daemon daemon = Start("{segment_entries: 5}"))
        {
            Assert.Contains($"holds what {_state}/lists/{first} ends in, as after a kexec", daemon.Log, StringComparison.Ordinal);
            Assert.Equal(0, Shell.Script(programs[0]).Status);
            byte[] published = File.ReadAllBytes(daemon.BinaryList);
            Assert.Equal(before, published[..before.Length]);
            Assert.Equal(2, daemon.Entries("boot_aggregate").Length);
            Assert.Equal(2, daemon.Entries(programs[0] + " ").Length);
            Assert.Equal("[]", daemon.Status().GetProperty("faults").ToString());
            daemon.KillHost();
            Assert.Equal(0, Shell.Script(programs[0]).Status);
            Assert.Equal(2, daemon.Entries(programs[0] + " ").Length);
            Assert.Equal(0, daemon.Stop());
        }

        // A restart in that boot finds the list by its link.
        using (Daemon daemon = Start("{segment_entries: 5}"))
        {
            _ = Run(1);
            Assert.Equal(2, daemon.Entries("boot_aggregate").Length);
            Assert.Equal(0, daemon.Stop());
        }

        Assert.Equal(first, new FileInfo(Path.Combine(_state, "lists", second)).LinkTarget);
        RequireWhole(second);
    }

    [Fact]
    public void Kexec_after_which_the_TPM_holds_something_else_is_refused()
    {
        string first = Kexec();
        using (Daemon daemon = Start("{}"))
        {
            _ = Run(2);
            End(daemon, inOrder: true);
        }

        _tpm.Extend(10, $"sha256={new string('a', 64)}");
        _ = Kexec();
        using var refused = new Daemon(_volume.Path, $"--tpm {_tpm.Transport}", state: _state);
        Assert.Equal(2, refused.AwaitFailure());
        Assert.Contains("was extended before, and no list here explains it", refused.Log, StringComparison.Ordinal);
        Assert.Equal([Path.Combine(_state, "lists", first)], Directory.GetFileSystemEntries(Path.Combine(_state, "lists")));
    }

    /// <summary>The machine resets without a word: what was not sealed, exported or handed over then is now.</summary>
    [Fact]
    public void List_of_the_boot_before_is_sealed_exported_and_handed_over_to_its_end()
    {
        string log = $"{{segment_entries: 5, export: {{file: {_target}, command: [{Hook()}]}}}}";
        string first = Reboot();
        using (Daemon daemon = Start(log))
        {
            _ = Run(7);
            Assert.Equal(0, Flush(log, "--wait", "20", "--hook").Status);
            _ = Run(8);
            End(daemon, inOrder: false);
        }

        string second = Reboot();
        using (Daemon daemon = Start(log))
        {
            _ = Run(3);
            Outcome flushed = Flush(log, "--wait", "20", "--hook");
            Assert.True(flushed.Status == 0, flushed.Errors + daemon.Log);
            byte[] all = [.. Cat(first), .. Cat(second)];
            Assert.Equal(all, File.ReadAllBytes(_target));
            Assert.Equal(all, File.ReadAllBytes(_handed));
            Assert.True(daemon.Log.Contains($"segments that an earlier host has left in {_state}/lists/{first} are sealed", StringComparison.Ordinal), daemon.Log);
            Assert.Equal(0, daemon.Stop());
        }

        string verified = Shell.Must(Bench.Program, "segments", "verify", "--list", first, "--state", _state);
        Assert.DoesNotContain("  open", verified, StringComparison.Ordinal);
    }

    [Fact]
    public void Flush_that_waits_says_what_is_left_when_the_time_is_over()
    {
        string log = $"{{segment_entries: 5, export: {{file: {_target}, command: [/bin/false]}}}}";
        using Daemon daemon = Start(log);
        _ = Run(7);
        Outcome waited = Flush(log, "--wait", "1");
        Assert.Equal(1, waited.Status);
        Assert.Contains("after 1 s there is left: ", waited.Errors, StringComparison.Ordinal);
        Assert.Contains($"segments of {Path.GetFullPath(new FileInfo(Path.Combine(_state, "current")).ResolveLinkTarget(true)!.FullName)} were not handed to the hook", waited.Errors, StringComparison.Ordinal);
        Assert.Equal(Cat(), File.ReadAllBytes(_target));
        Outcome refused = Flush(log, "--wait", "1", "--hook");
        Assert.Equal(1, refused.Status);
        Assert.Contains("/bin/false has ended with status 1: segment 0 of ", refused.Errors, StringComparison.Ordinal);
        Outcome hangs = Flush(log.Replace("/bin/false", "/bin/sh, -c, sleep 100", StringComparison.Ordinal), "--wait", "1", "--hook");
        Assert.Equal(1, hangs.Status);
        Assert.Contains("did not end in time and was killed: segment 0 of ", hangs.Errors, StringComparison.Ordinal);
        Assert.Equal(2, Flush(log, "--wait", "soon").Status);
        Assert.Equal(0, daemon.Stop());
    }

    /// <summary>Nobody can read it as progress; the host starts, says so once, and loses nothing.</summary>
    [Fact]
    public void Damaged_files_of_progress_stop_no_host()
    {
        string log = $"{{segment_entries: 5, export: {{file: {_target}}}}}";
        using (Daemon daemon = Start(log))
        {
            _ = Run(7);
            Shell.Must(Bench.Program, "segments", "flush", "--state", _state);
            Assert.Equal(0, daemon.Stop());
        }

        byte[] had = File.ReadAllBytes(_target);
        string list = Path.Combine(_state, "current");
        foreach (string file in new[] { $"{_state}/export", $"{list}/export", $"{list}/window", $"{list}/hook" })
        {
            File.WriteAllText(file, "{ \"dam");
        }

        using Daemon next = Start(log);
        _ = Run(1);
        Shell.Must(Bench.Program, "segments", "flush", "--wait", "20", "--state", _state);
        Assert.Equal(Cat(), File.ReadAllBytes(_target)[had.Length..]);
        Assert.Equal(had, File.ReadAllBytes(_target)[..had.Length]);
        Assert.Equal(Cat().Length, (int)new FileInfo(next.BinaryList).Length);
        foreach (string file in new[] { "/export is damaged (", "/window is damaged (", "/hook is damaged (" })
        {
            Assert.Contains(file, next.Log, StringComparison.Ordinal);
        }

        Assert.Equal(0, next.Stop());
    }

    /// <returns>The id of the boot that begins.</returns>
    string Kexec()
    {
        string boot = $"{Guid.NewGuid()}";
        Shell.Must("mount", "--bind", Bench.NewFile("boot_id", $"{boot}\n"), BootId);
        _mounts++;
        return boot;
    }

    string Reboot()
    {
        _tpm.Kill();
        _tpm.Start();
        return Kexec();
    }

    /// <summary>In good order, or not at all.</summary>
    static void End(Daemon daemon, bool inOrder)
    {
        if (inOrder)
        {
            Assert.Equal(0, daemon.Stop());
        }
        else
        {
            // A host whose guard is gone ends in order: it has no time to.
            Shell.Must("kill", "-KILL", $"{daemon.GuardPid}", $"{daemon.HostPid}");
        }
    }

    string Hook()
    {
        string hook = Path.Combine(Bench.NewDirectory("hook"), "hook");
        File.WriteAllText(hook, $"#!/bin/sh\ncat \"$1\" >> {_handed}\n");
        Shell.Must("chmod", "755", hook);
        return hook;
    }

    static string Config(string log) => Bench.NewFile("imahost.yaml", $"log: {log}\n");

    Outcome Flush(string log, params string[] options) =>
        Shell.Run(Bench.Program, ["segments", "flush", "--state", _state, "--config", Config(log), .. options]);

    Daemon Start(string log) => Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport} --config {Config(log)}", state: _state);

    string[] Run(int programs)
    {
        string[] paths = [.. Enumerable.Range(0, programs).Select(_ => _volume.AddProgram($"program-{Guid.NewGuid():n}"))];
        foreach (string path in paths)
        {
            Assert.Equal(0, Shell.Script(path).Status);
        }

        return paths;
    }

    byte[] Cat(string list = "")
    {
        string file = Path.Combine(Bench.NewDirectory("cat"), "list");
        Shell.Must("sh", "-c", $"{Bench.Program} segments cat --state {_state} {(list.Length > 0 ? $"--list {list}" : "")} > {file}");
        return File.ReadAllBytes(file);
    }

    void RequireWhole(string name)
    {
        Outcome verified = Shell.Run(Bench.Program, "segments", "verify", "--list", name, "--state", _state);
        Assert.True(verified.Status == 0, verified.Output + verified.Errors);
        string list = Path.Combine(_state, "lists", name);
        Verifiers.AcceptSegments(list, Cat(), _tpm);
    }
}
