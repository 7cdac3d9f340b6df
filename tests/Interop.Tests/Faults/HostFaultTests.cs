using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Hosts die, hang and fail: they are replaced, nothing is let through, nothing is lost.</summary>
[Trait("Kind", "faults")]
public sealed class HostFaultTests
{
    [Fact]
    public void Killed_host_is_replaced_while_execs_wait_and_nothing_is_let_through()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} --appraise enforce");
        const int rounds = 25;
        for (int round = 0; round < rounds; round++)
        {
            string good = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"good{round}"));
            string evil = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"evil{round}"));
            Shell.Must(Bench.Program, "label", good);
            using Running goodRun = Shell.StartScript($"{good} good");
            using Running evilRun = Shell.StartScript($"{evil} evil");
            Thread.Sleep(round % 5);
            daemon.KillHost();

            Assert.Equal("good\n", goodRun.Wait().Output);
            Assert.Equal("", evilRun.Wait().Output);
            Assert.Single(daemon.Entries(good));
            Assert.Single(daemon.Entries(evil));
        }

        Assert.Equal(0, tpm.Verify(daemon.BinaryList).Status);
        Assert.Equal(rounds + 1ul, daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
    }

    [Fact]
    public void Cached_verdict_survives_the_host_and_a_writer_ends_it_all_the_same()
    {
        using var volume = new Volume("ext4");
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("program");
        Shell.Must(Bench.Program, "label", program);
        const string change =
            "import mmap,os,sys; f=os.open(sys.argv[1],os.O_RDWR); m=mmap.mmap(f,0); m[-1]=(m[-1]+1)%256; m.close()";
        for (int round = 0; round < 20; round++)
        {
            Assert.Equal(0, Shell.Script(program).Status);
            daemon.KillHost();
            Shell.Must("python3", "-c", change, program);
            Assert.Equal(126, Shell.Script(program).Status);
            Shell.Must(Bench.Program, "label", program);
        }
    }

    [Theory]
    [MemberData(nameof(Fault.Modes), MemberType = typeof(Fault))]
    public void Host_stopped_for_5_s_is_replaced_before_it_goes_on(string mode, int status)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} {mode}");
        string[] programs = Fault.AddLabelled(volume, "program", 3);
        string foreign = volume.AddProgram("foreign");
        int host = daemon.HostPid;
        using Running stop = Shell.StartScript($"kill -STOP {host}; sleep 5; kill -CONT {host}");
        Shell.Until(() => File.ReadAllText($"/proc/{host}/stat").Contains(") T ", StringComparison.Ordinal), "it is stopped");
        List<Running> waiters = [.. programs.Append(foreign).Select(program => Shell.StartScript($"{program} done"))];

        Assert.All(waiters[..3], waiter => Assert.Equal("done\n", waiter.Wait(5).Output));
        Assert.Equal(status, waiters[3].Wait(5).Status);

        Assert.False(stop.HasExited, "it waited for the host that was stopped");
        Assert.True(Fault.IsGone(host));
        Assert.Contains("gave no sign of life", daemon.Log, StringComparison.Ordinal);
        Fault.RequireOnce(daemon, [.. programs, foreign]);
        Fault.RequireAgreement(tpm, daemon);
        waiters.ForEach(waiter => waiter.Dispose());
        Shell.Signal("KILL", stop.Pid);
    }

    [Theory]
    [MemberData(nameof(Fault.Modes), MemberType = typeof(Fault))]
    public void Host_without_a_free_descriptor_answers_and_recovers(string mode, int status)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string[] programs = Fault.AddLabelled(volume, "program", 4);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport} {mode}");
        Assert.Equal(0, Shell.Script(programs[0]).Status);
        string host = $"{daemon.HostPid}";
        Shell.Must("prlimit", "--pid", host, "--nofile=3:20000");

        Assert.Equal(0, Shell.Script(programs[0], seconds: 5).Status);
        Assert.Equal(status, Shell.Script(programs[1], seconds: 5).Status);
        Assert.Equal(status, Shell.Script(programs[2], seconds: 5).Status);

        Shell.Until(() => daemon.Log.Contains("its descriptor could not be received", StringComparison.Ordinal), "the log says so");
        Shell.Must("prlimit", "--pid", host, "--nofile=1024:20000");
        Shell.Until(() => daemon.Status().GetProperty("faults").GetArrayLength() == 0, "the TPM is reached again");
        Assert.Equal(0, Shell.Script(programs[3]).Status);
        Assert.Equal(0, Shell.Script(programs[1]).Status);
        Assert.Equal(host, $"{daemon.HostPid}");
        Fault.RequireOnce(daemon, programs[0], programs[1], programs[3]);
        Fault.RequireAgreement(tpm, daemon);
    }

    [Theory]
    [MemberData(nameof(Fault.Modes), MemberType = typeof(Fault))]
    public void Worker_that_throws_answers_and_judges_the_next_one(string mode, int status)
    {
        using var tpm = new Emulator();
        using var volume = new Volume();
        string[] programs = Fault.AddLabelled(volume, "program", 8);
        string bad = volume.AddProgram("bad");
        Shell.Must("sh", "-c", $"echo 'this makes hashing fail' >> {bad}");
        Shell.Must(Bench.Program, "label", bad);
        using Daemon daemon = Daemon.Ready(
            volume.Path, $"--tpm {tpm.Transport} {mode}", program: FailingHash());

        foreach (string program in programs)
        {
            Assert.Equal(status, Shell.Script($"exec {bad}", seconds: 5).Status);
            Assert.Equal("done\n", Shell.Script($"exec {program} done", seconds: 5).Output);
        }

        Assert.Contains("a worker failed on one access, which got ", daemon.Log, StringComparison.Ordinal);

        // Who starts a program opens it twice, and the program of the host fails too.
        Assert.InRange(
            daemon.Status().GetProperty("accesses").GetProperty("failed").GetUInt64(),
            (ulong)programs.Length, (2 * (ulong)programs.Length) + 2);
        Assert.NotEqual(0, daemon.CountViolations(bad));
        Assert.Equal(1ul, daemon.Status().GetProperty("accesses").GetProperty("host_starts").GetUInt64());
        Assert.All(programs, program => Assert.Contains(
            Shell.Must("sha256sum", program).Split(' ')[0], Assert.Single(daemon.Entries(program)), StringComparison.Ordinal));
        Fault.RequireAgreement(tpm, daemon, "--ignore-violations");
    }

    [Fact]
    public void Waiter_that_is_killed_while_no_host_is_there_does_not_stay()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        string program = volume.AddProgram("program");
        Shell.Signal("STOP", daemon.HostPid);
        using Running waiter = Shell.StartScript($"exec {program}");
        Thread.Sleep(200);

        Shell.Signal("KILL", waiter.Pid);

        Assert.Equal(137, waiter.Wait(1).Status);
        Assert.Equal(0, Shell.Script(volume.AddProgram("other")).Status);
    }

    [Fact]
    public void Program_that_kills_every_host_gets_an_answer()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        string program = volume.AddProgram("program");
        using Running running = Shell.StartScript(program);
        for (int i = 0; i < 100 && !running.HasExited; i++)
        {
            int host = daemon.HostPid;
            if (host != 0)
            {
                Shell.Run("kill", "-KILL", $"{host}");
            }
        }

        Assert.Equal(126, running.Wait().Status);
    }

    [Fact]
    public void Host_that_loads_code_opens_files_and_collects_garbage_on_the_watched_filesystem_never_hangs()
    {
        using var tpm = new Emulator();
        using var volume = new Volume("ext4");
        string hazard = Installed.CopyHazardHostTo(volume);
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm {tpm.Transport}", program: hazard, tells: false);
        for (int i = 0; i < 60; i++)
        {
            string program = volume.AddProgram(string.Create(CultureInfo.InvariantCulture, $"program{i}"));
            Outcome ran = Shell.Script($"{program} {i}", seconds: 10);
            Assert.True(ran.Output == $"{i}\n", daemon.Log);
            if (i % 20 == 10)
            {
                daemon.KillHost();
            }
        }

        Outcome verified = tpm.Verify(daemon.BinaryList);
        Assert.True(verified.Status == 0, $"{verified.Errors}{daemon.Log}{File.ReadAllText(daemon.AsciiList)}");
    }

    /// <summary>imahost where the hash of what holds certain words fails, half of it done.</summary>
    static string FailingHash()
    {
        const string source =
            """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <string.h>
            typedef int update(void *, const void *, size_t);
            static update *real;
            static int fail(void *context, const void *data, size_t length)
            {
                int done = real(context, data, length);
                return memmem(data, length, "this makes hashing fail", 23) ? 0 : done;
            }
            /* The host looks its libraries' functions up by name. */
            void *dlsym(void *handle, const char *name)
            {
                static void *(*find)(void *, const char *);
                if (!find)
                    find = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
                if (strcmp(name, "EVP_DigestUpdate") != 0)
                    return find(handle, name);
                real = (update *)find(handle, name);
                return fail;
            }
            """;
        return $"env LD_PRELOAD={Fault.Compile("failing.so", source, "-shared", "-fPIC")} {Bench.Program}";
    }
}
