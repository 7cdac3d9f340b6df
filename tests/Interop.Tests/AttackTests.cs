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
