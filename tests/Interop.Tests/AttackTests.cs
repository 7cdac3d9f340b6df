using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Ways round the gate that were found once. Each must stay shut.</summary>
public sealed class AttackTests
{
    [Fact]
    public void Labeller_in_a_user_namespace_of_its_own_is_denied()
    {
        using var volume = new Volume("ext4");
        string library = volume["evil.so"];
        string source = Path.Combine(Bench.NewDirectory("source"), "evil.c");
        File.WriteAllText(
            source,
            "#include <unistd.h>\n__attribute__((constructor)) void run(void) { write(1, \"evil\\n\", 5); _exit(0); }\n");
        Shell.Must("cc", "-shared", "-fPIC", "-o", library, source);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");

        Outcome outcome = Shell.Script(
            "setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user --map-root-user "
            + $"env LD_PRELOAD={library} {Bench.Program} label {library}");

        Assert.DoesNotContain("evil\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Writing_thread_does_not_hide_a_reading_one()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("denied");
        string source = Path.Combine(Bench.NewDirectory("source"), "hide.c");
        string attack = Path.Combine(Path.GetDirectoryName(source)!, "hide");
        File.WriteAllText(source, Hide);
        Shell.Must("cc", "-pthread", "-o", attack, source);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");

        Outcome outcome = Shell.Run(attack, program);

        Assert.Equal("0 of 200\n", outcome.Output);
    }

    [Fact]
    public void Huge_files_of_killed_tasks_do_not_stop_the_judging()
    {
        using var volume = new Volume("xfs");
        var huge = new List<string>();
        for (int i = 0; i < 4; i++)
        {
            string path = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"huge{i}"));
            Shell.Must("truncate", "-s", "4T", path);
            huge.Add(path);
        }

        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise log");
        List<Running> readers = [.. huge.Select(path => Shell.StartScript($"exec cat {path}"))];
        Thread.Sleep(300);
        string program = volume.AddProgram("program");
        long before = Environment.TickCount64;
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.True(Environment.TickCount64 - before < 2000, "small files wait for large ones");
        Assert.Single(daemon.Entries(program));

        readers.ForEach(reader => Shell.Signal("KILL", reader.Pid));
        readers.ForEach(reader => reader.Wait());
        string large = volume.AddProgram("large");
        Shell.Must("truncate", "-s", "100M", large);
        Assert.Equal(0, Shell.Script(large, seconds: 10).Status);
        Assert.Single(daemon.Entries(large));
    }

    [Fact]
    public void File_that_grows_while_it_is_hashed_does_not_hold_a_worker()
    {
        using var volume = new Volume("xfs");
        string[] growing = [.. Enumerable.Range(0, 4).Select(i => volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"growing{i}")))];
        const string grow =
            "import os,sys,threading\nf=os.open(sys.argv[1],os.O_RDWR)\n"
            + "threading.Thread(target=lambda: [os.ftruncate(f, 50<<20), os.ftruncate(f, 1<<42)]).start()\n"
            + "os.close(os.open(sys.argv[1],os.O_RDONLY))";
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        List<Running> attackers = [.. growing.Select(path => Shell.Start("python3", "-c", grow, path))];
        Thread.Sleep(300);

        string program = volume.AddProgram("program");
        Assert.Equal(0, Shell.Script(program, seconds: 3).Status);
        Assert.Single(daemon.Entries(program));
        attackers.ForEach(attacker => Shell.Run("kill", "-KILL", $"{attacker.Pid}"));
    }

    [Fact]
    public void Crowd_of_threads_does_not_hold_a_worker()
    {
        using var volume = new Volume("ext4");
        string target = volume.AddProgram("target");
        string source = Path.Combine(Bench.NewDirectory("source"), "crowd.c");
        string crowd = Path.Combine(Path.GetDirectoryName(source)!, "crowd");
        File.WriteAllText(source, Crowd);
        Shell.Must("cc", "-pthread", "-o", crowd, source);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise log");
        using Running first = Shell.Start(crowd, target);
        using Running second = Shell.Start(crowd, target);
        Thread.Sleep(1000);

        for (int i = 0; i < 5; i++)
        {
            long before = Environment.TickCount64;
            Assert.Equal(0, Shell.Script(volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"program{i}"))).Status);
            Assert.True(Environment.TickCount64 - before < 2000, $"{Environment.TickCount64 - before} ms");
        }

        Shell.Signal("KILL", first.Pid);
        Shell.Signal("KILL", second.Pid);
    }

    [Fact]
    public void Program_answered_at_its_deadline_is_recorded_at_once()
    {
        using var volume = new Volume("xfs");
        string huge = volume.AddProgram("huge");
        Shell.Must("truncate", "-s", "4T", huge);
        string large = volume.AddProgram("large");
        Shell.Must("truncate", "-s", "70M", large);
        string config = Path.Combine(Bench.NewDirectory("config"), "imahost.yaml");
        File.WriteAllText(config, "deadline: 1000\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --config {config}");
        using Running reader = Shell.StartScript($"exec cat {huge} > /dev/null");
        Thread.Sleep(200);

        Assert.Equal(0, Shell.Script(large, seconds: 10).Status);

        Shell.Until(() => daemon.Entries(large).Length > 0, "the violation is in the list");
        Assert.StartsWith("10 0000000000000000000000000000000000000000 ", daemon.Entries(large)[0], StringComparison.Ordinal);

        // By now it may have become the program, or have ended: its name tells nothing.
        Assert.Matches($"cause=deadline comm=\"(sh|large|\\?)\" name=\"{large}\"", daemon.Log);
        Shell.Signal("KILL", reader.Pid);
        Shell.Until(() => daemon.Entries(large).Any(line => !line.StartsWith("10 0000", StringComparison.Ordinal)), "the digest follows");
    }

    [Fact]
    public void Name_of_a_task_forges_no_line()
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        const string rename =
            "import ctypes,os,sys; ctypes.CDLL(None).prctl(15, b'a\\x1b[2J\" uid=0'); os.execv(sys.argv[1], ['x'])";
        Shell.Run("python3", "-c", rename, program);

        Shell.Until(() => daemon.Log.Contains("denied", StringComparison.Ordinal), "the denial is logged");
        Assert.Contains("comm=\"a\\x1b[2J\\x22 uid=0\" uid=", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Change_with_size_and_times_restored_is_denied()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", program);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Assert.Equal(0, Shell.Script(program).Status);

        DateTime written = File.GetLastWriteTimeUtc(program);
        using (FileStream file = File.OpenWrite(program))
        {
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte(77);
        }

        File.SetLastWriteTimeUtc(program, written);
        Assert.Equal(126, Shell.Script(program).Status);
    }

    /// <summary>To read an event is to open its file. That must not wait for what a user keeps it from.</summary>
    [Theory]
    [InlineData(Lease)]
    [InlineData("os.unlink(path); os.mkfifo(path)")]
    [InlineData("os.unlink(path); os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(240, 77))")]
    [InlineData("os.unlink(path); socket.socket(socket.AF_UNIX).bind(path)")]
    public void File_that_cannot_be_opened_at_once_does_not_stop_the_guard(string how)
    {
        using var volume = new Volume();
        string program = volume.AddProgram("program");
        string path = volume["held"];
        File.Copy("/bin/echo", path);
        string script =
            $"import fcntl,os,signal,socket,stat,sys,time\npath=sys.argv[1]\nsignal.signal(signal.SIGIO, lambda *a: None)\n{how}\n"
            + "print(flush=True)\nend=time.time()+15\nwhile time.time()<end: time.sleep(0.1)";
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        using Running holder = Shell.StartScript($"exec python3 -c '{script}' {path} > {volume["said"]}");
        Shell.Until(() => new FileInfo(volume["said"]) is { Exists: true, Length: > 0 }, "it is held");

        using Running reader = Shell.StartScript($"cat {path}");
        Thread.Sleep(200);
        long begun = Environment.TickCount64;
        Assert.Equal(0, Shell.Script(program).Status);

        Assert.InRange(Environment.TickCount64 - begun, 0, 3000);
        Shell.Signal("KILL", holder.Pid);
        Shell.Run("kill", "-KILL", $"{reader.Pid}");
        Assert.Single(daemon.Entries(program));
    }

    [Fact]
    public void Bind_mount_private_namespace_and_loader_are_no_way_round()
    {
        using var volume = new Volume("ext4");
        string program = volume.AddProgram("denied");
        string other = Bench.NewDirectory("bind");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");

        Assert.NotEqual(0, Shell.Script($"mount --bind {volume.Path} {other} && {other}/denied; r=$?; umount {other}; exit $r").Status);
        Assert.NotEqual(0, Shell.Script($"unshare --mount sh -c 'mount --bind {volume.Path} {other} && {other}/denied'").Status);
        Assert.NotEqual(0, Shell.Script($"/lib64/ld-linux-x86-64.so.2 {program}").Status);
        Assert.NotEqual(0, Shell.Script($"LD_PRELOAD={program} /bin/true 2>&1 | grep -q 'cannot be preloaded' && exit 1").Status);
    }

    /// <summary>A lease is refused while the guard still has the file of that very open.</summary>
    const string Lease =
        """
        f = os.open(path, os.O_WRONLY)
        for i in range(100):
            try:
                fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit("no lease")
        """;

    /// <summary>Ten thousand threads, one of them always running, while another opens a file that has a writer.</summary>
    const string Crowd =
        """
        #include <fcntl.h>
        #include <pthread.h>
        #include <unistd.h>
        static void *sleeps(void *nothing)
        {
            pause();
            return nothing;
        }
        static void *spins(void *nothing)
        {
            for (;;)
                ;
            return nothing;
        }
        int main(int argc, char **argv)
        {
            pthread_attr_t small;
            pthread_t thread;
            int i, writer = open(argv[argc - 1], O_WRONLY);
            pthread_attr_init(&small);
            pthread_attr_setstacksize(&small, 65536);
            for (i = 0; i < 10000; i++)
                if (pthread_create(&thread, &small, sleeps, NULL))
                    break;
            pthread_create(&thread, &small, spins, NULL);
            for (;;)
                close(open(argv[argc - 1], O_RDONLY));
            return writer;
        }
        """;

    /// <summary>One thread keeps being held in write-only opens while the other opens the same file by openat2(2).</summary>
    const string Hide =
        """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <linux/openat2.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static volatile int over;
        static void *write_opens(void *path)
        {
            while (!over) {
                int fd = open(path, O_WRONLY);
                if (fd >= 0)
                    close(fd);
            }
            return NULL;
        }
        int main(int argc, char **argv)
        {
            struct open_how how = { .flags = O_RDONLY };
            pthread_t thread;
            int i, got = 0;
            pthread_create(&thread, NULL, write_opens, argv[argc - 1]);
            for (i = 0; i < 200; i++) {
                int fd = syscall(SYS_openat2, AT_FDCWD, argv[1], &how, sizeof(how));
                if (fd >= 0) {
                    got++;
                    close(fd);
                }
            }
            over = 1;
            pthread_join(thread, NULL);
            printf("%d of 200\n", got);
            return 0;
        }
        """;
}
