using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Files that no rule asks about are not told of again, until somebody writes them.</summary>
public sealed class DataMarkTests(DataMarkBench bench) : IClassFixture<DataMarkBench>
{
    /// <summary>Milliseconds in which the guard hears of a writer's last close.</summary>
    const int Heard = 200;

    [Fact]
    public void Under_enforce_only_what_root_alone_may_write_is_marked()
    {
        using var volume = new Volume("ext4");
        foreach (string name in (string[])["mine", "theirs", "everybodys"])
        {
            File.WriteAllText(volume[name], "data\n");
        }

        Shell.Must("chown", "1000", volume["theirs"]);
        Shell.Must("chmod", "666", volume["everybodys"]);
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none --appraise enforce");
        Shell.Must("cat", volume["theirs"], volume["everybodys"]);
        Assert.Equal(0, Marked(daemon));
        Shell.Must("cat", volume["mine"]);
        Assert.Equal(1, Marked(daemon));
    }

    [Theory]
    [InlineData("ext4", "write")]
    [InlineData("ext4", "truncate and write")]
    [InlineData("ext4", "ftruncate and write")]
    [InlineData("ext4", "O_TRUNC")]
    [InlineData("ext4", "cp")]
    [InlineData("ext4", "rename")]
    [InlineData("ext4", "exchange")]
    [InlineData("ext4", "unlink and recreate")]
    [InlineData("ext4", "hard link")]
    [InlineData("ext4", "O_DIRECT")]
    [InlineData("ext4", "copy_file_range")]
    [InlineData("ext4", "sendfile")]
    [InlineData("ext4", "splice")]
    [InlineData("ext4", "linker")]
    [InlineData("ext4", "AIO")]
    [InlineData("ext4", "mapping")]
    [InlineData("ext4", "mapping that ends with its process")]
    [InlineData("xfs", "write")]
    [InlineData("xfs", "O_DIRECT")]
    [InlineData("xfs", "copy_file_range")]
    [InlineData("xfs", "reflink")]
    [InlineData("xfs", "swapext")]
    [InlineData("xfs", "mapping")]
    [InlineData("tmpfs", "write")]
    [InlineData("tmpfs", "cp")]
    [InlineData("tmpfs", "splice")]
    [InlineData("tmpfs", "unlink and recreate")]
    [InlineData("tmpfs", "mapping")]
    public void Marked_file_that_becomes_a_program_is_measured_when_it_is_opened(string kind, string way)
    {
        string program = bench.AddProgram(kind);
        string file = bench.AddMarked(kind, new FileInfo(program).Length);

        FileChange.Make(way, file, program);
        if (way.StartsWith("mapping", StringComparison.Ordinal) || way is "AIO" or "swapext")
        {
            // These take no mark away themselves: the writer's last close does.
            Thread.Sleep(Heard);
        }

        string digest = Shell.Must("sha256sum", file)[..64];
        string entry = Assert.Single(bench.Daemon(kind).Entries($"{file} "));
        Assert.Contains($" sha256:{digest} {file} ", entry, StringComparison.Ordinal);
    }

    /// <summary>Nothing is written: the start that was no program's is taken out.</summary>
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public void Marked_file_whose_start_is_collapsed_is_measured_when_it_is_opened(string kind)
    {
        string program = bench.AddProgram(kind);
        string file = bench.Volume(kind)["collapsed"];
        Shell.Must("sh", "-c", $"(head -c 4096 /dev/zero; cat {program}) > {file}; cat {file}");
        Assert.Equal(0ul, bench.EventsOf(kind, () => Shell.Must("cat", file)));

        FileChange.Make("collapsed start", file, program);

        string digest = Shell.Must("sha256sum", file)[..64];
        Assert.Equal(Shell.Must("sha256sum", program)[..64], digest);
        Assert.Contains($" sha256:{digest} {file} ", Assert.Single(bench.Daemon(kind).Entries($"{file} ")), StringComparison.Ordinal);
    }

    /// <summary>Nobody asks about an object that is to be linked; what is left of it without its type might be mapped.</summary>
    [Theory]
    [InlineData("ext4", "type in a punched hole")]
    [InlineData("ext4", "type in a zeroed range")]
    [InlineData("xfs", "type in a zeroed range")]
    [InlineData("tmpfs", "type in a punched hole")]
    public void Marked_object_that_loses_its_type_is_measured_when_it_is_opened(string kind, string way)
    {
        string source = Path.Combine(Bench.NewDirectory("source"), "object.c");
        string file = bench.Volume(kind)["object.o"];
        File.WriteAllText(source, "int one(void) { return 1; }\n");
        Shell.Must("cc", "-c", "-o", file, source);
        Shell.Must("cat", file);
        Assert.Equal(0ul, bench.EventsOf(kind, () => Shell.Must("cat", file)));

        FileChange.Make(way, file, file);

        string digest = Shell.Must("sha256sum", file)[..64];
        Assert.Contains($" sha256:{digest} {file} ", Assert.Single(bench.Daemon(kind).Entries($"{file} ")), StringComparison.Ordinal);
    }

    [Fact]
    public void Mark_that_the_kernel_forgot_is_set_again_and_hides_nothing()
    {
        string program = bench.AddProgram("ext4");
        string[] files = [.. Enumerable.Range(0, 20).Select(_ => bench.AddMarked("ext4", new FileInfo(program).Length))];
        void Read() => Shell.Must("cat", files);

        Shell.Must("sh", "-c", $"sync -f {files[0]}; for i in 1 2 3; do echo 3 > /proc/sys/vm/drop_caches; done");
        Assert.InRange(bench.EventsOf("ext4", Read), 1ul, (ulong)files.Length);
        Assert.Equal(0ul, bench.EventsOf("ext4", Read));

        foreach (string file in files)
        {
            FileChange.Make("write", file, program);
        }

        Read();
        Assert.All(files, file => Assert.Single(bench.Daemon("ext4").Entries($"{file} ")));
    }

    [Theory]
    [InlineData("write")]
    [InlineData("mapping")]
    public void Marked_file_that_becomes_a_program_is_measured_when_it_is_run_at_once(string way)
    {
        string program = bench.AddProgram("ext4");
        string file = bench.AddMarked("ext4", new FileInfo(program).Length);
        Shell.Must("chmod", "+x", file);

        FileChange.Make(way, file, program, "os.closerange(3, 20)\nos.execv(f, ['echo'])");

        Assert.NotEmpty(bench.Daemon("ext4").Entries($"{file} "));
    }

    [Fact]
    public void Script_that_was_read_before_is_measured_when_it_is_run()
    {
        string script = bench.Volume("ext4")["script"];
        Shell.Must("sh", "-c", $"echo '#!/bin/sh' > {script}; echo 'echo ran' >> {script}; cat {script}; chmod +x {script}");
        Assert.Equal(0ul, bench.EventsOf("ext4", () => Shell.Must("cat", script)));

        Assert.Equal("ran\n", Shell.Must("sh", "-c", $"{script}"));

        Assert.Single(bench.Daemon("ext4").Entries($"{script} "));
        Assert.Equal(0ul, bench.EventsOf("ext4", () => Shell.Must("sh", "-c", $"{script}; cat {script}")));

        // The verdict goes with its lease; the mark that is left does not hide the next exec.
        Volume.Change(script);
        Shell.Run("sh", "-c", script);
        Assert.Equal(2, bench.Daemon("ext4").Entries($"{script} ").Length);
    }

    [Fact]
    public void Interpreter_opens_a_script_unasked_also_when_the_verdict_on_its_exec_is_not_kept()
    {
        using var each = new PolicyBench(kind: "ext4");
        each.Put("measure func=BPRM_CHECK uid=0\n");
        string script = each.Volume["script"];
        Shell.Must("sh", "-c", $"echo '#!/bin/sh' > {script}; chmod +x {script}; {PolicyBench.AsUser} {script}");

        ulong before = Count(each, "events");
        Shell.Must("sh", "-c", $"{PolicyBench.AsUser} {script}");

        Assert.Equal(before + 1, Count(each, "events"));
        Assert.Equal(0ul, Count(each, "cached"));
    }

    [Theory]
    [InlineData("ext4")]
    [InlineData("tmpfs")]
    public void File_with_a_writer_is_not_marked_before_the_writer_is_gone(string kind)
    {
        string file = bench.Volume(kind)["written"];
        Shell.Must("sh", "-c", $"echo x > {file}");
        using var writer = new Actor();
        int written = writer.OpenToWrite(file);
        ulong marked = bench.Count(kind, "marked");
        Assert.Equal(2ul, bench.EventsOf(kind, () => Shell.Must("sh", "-c", $"cat {file}; cat {file}")));
        Assert.Equal(marked, bench.Count(kind, "marked"));

        writer.Close(written);

        Assert.Equal(1ul, bench.EventsOf(kind, () => Shell.Must("sh", "-c", $"cat {file}; cat {file}; cat {file}")));
        Assert.Equal(marked + 1, bench.Count(kind, "marked"));
    }

    [Fact]
    public void Writer_of_a_marked_file_does_not_wait()
    {
        string file = bench.AddMarked("ext4", 10);
        ulong breaks = bench.Count("ext4", "lease_breaks");
        using var writer = new Actor();

        writer.Open(file, "os.O_WRONLY | os.O_NONBLOCK");

        Assert.InRange(writer.Took, 0, 50);
        Assert.Equal(breaks, bench.Count("ext4", "lease_breaks"));
    }

    [Fact]
    public void Marks_are_gone_when_a_policy_that_asks_about_reads_is_in_force()
    {
        using var change = new PolicyBench(kind: "ext4");
        string[] files = [.. Enumerable.Range(0, 50).Select(i => change.AddData(string.Create(CultureInfo.InvariantCulture, $"file{i}")))];
        Shell.Must("cat", files);
        ulong events = Count(change, "events");
        Shell.Must("cat", files);
        Assert.Equal(events, Count(change, "events"));

        change.Put("measure func=FILE_CHECK mask=^MAY_READ\n");
        Shell.Must("cat", files);
        Assert.All(files, file => Assert.True(change.IsMeasured(file), file));

        change.Put("measure func=BPRM_CHECK\n");
        Shell.Must("cat", files);
        events = Count(change, "events");
        Shell.Must("cat", files);
        Assert.Equal(events, Count(change, "events"));
    }

    [Fact]
    public void Marks_stay_when_the_host_is_replaced_and_hide_no_program()
    {
        string program = bench.AddProgram("xfs");
        string file = bench.AddMarked("xfs", new FileInfo(program).Length);
        Daemon daemon = bench.Daemon("xfs");
        ulong starts = bench.Count("xfs", "host_starts");
        daemon.KillHost();
        FileChange.Make("write", file, program);
        Shell.Must("cat", file);

        Shell.Until(() => daemon.Log.Contains("took over", StringComparison.Ordinal), "another host");
        Assert.Equal(starts + 1, bench.Count("xfs", "host_starts"));
        Assert.Single(daemon.Entries($"{file} "));
    }

    [Fact]
    public void Crowd_of_closing_writers_holds_nobody_up()
    {
        const int files = 3000;
        Volume volume = bench.Volume("tmpfs");
        string close = string.Create(
            CultureInfo.InvariantCulture,
            $"import os, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, ({files + 100}, {files + 100}))\nos.chdir('{volume.Path}')\nn = ['m%d' % i for i in range({files})]\n")
            + "for f in n: open(f, 'w').close(); open(f).close()\n"
            + "d = [os.open(f, os.O_WRONLY) for f in n]\nprint('open', flush=True); input()\nos.closerange(min(d), max(d) + 1)";
        string[] programs = [.. Enumerable.Range(0, 5).Select(_ => bench.AddProgram("tmpfs"))];
        ulong marked = bench.Count("tmpfs", "marked");
        using Running writers = Shell.Start("/usr/bin/python3", "-c", close);
        Shell.Until(() => bench.Count("tmpfs", "marked") >= marked + files, "all are marked");
        writers.Feed("\n");

        long before = Environment.TickCount64;
        foreach (string program in programs)
        {
            Assert.Equal(0, Shell.Script(program).Status);
        }

        Assert.InRange(Environment.TickCount64 - before, 0, 2000);
        Assert.Equal(0, writers.Wait().Status);
        Assert.Equal((ulong)files, bench.EventsOf("tmpfs", () => Shell.Script($"cd {volume.Path}; cat m*; cat m*")));
    }

    /// <summary>
    /// Files turn from data into programs while another thread opens them all the time, so that marks are set at every
    /// moment of it. What is opened after the write must be in the list.
    /// </summary>
    [Theory]
    [InlineData("ext4")]
    [InlineData("tmpfs")]
    public void Mark_that_is_set_while_a_file_becomes_a_program_does_not_hide_it(string kind)
    {
        const int files = 1000;
        string directory = Directory.CreateDirectory(bench.Volume(kind)["race"]).FullName;
        string source = Path.Combine(Bench.NewDirectory("source"), "race.c");
        string race = Path.Combine(Path.GetDirectoryName(source)!, "race");
        File.WriteAllText(source, Race);
        Shell.Must("cc", "-O2", "-pthread", "-o", race, source);

        Shell.Must(race, directory, files.ToString(CultureInfo.InvariantCulture));

        var listed = bench.Daemon(kind).Entries($"{directory}/").Select(line => line.TrimEnd().Split('/')[^1]).ToHashSet();
        string[] hidden = [.. Enumerable.Range(0, files).Select(i => i.ToString(CultureInfo.InvariantCulture)).Where(name => !listed.Contains(name))];
        Assert.True(hidden.Length == 0, $"{hidden.Length} of {files}: {string.Join(' ', hidden.Take(10))}");
    }

    static ulong Count(PolicyBench bench, string what) =>
        bench.Daemon.Status().GetProperty("accesses").GetProperty(what).GetUInt64();

    const string Race =
        """
        #include <fcntl.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        static char name[16];
        static volatile int over;
        static void *reads(void *nothing)
        {
            while (!over) {
                int fd = open(name, O_RDONLY);
                if (fd >= 0)
                    close(fd);
            }
            return nothing;
        }
        static void dawdle(void)
        {
            volatile int i = rand() % 40000;
            while (i > 0)
                i--;
        }
        int main(int argc, char **argv)
        {
            char elf[64] = "\177ELF\2\1\1";
            pthread_t reader;
            int i, fd, files = atoi(argv[argc - 1]);
            if (chdir(argv[1]))
                return 1;
            elf[16] = 3;
            strcpy(name, "0");
            pthread_create(&reader, NULL, reads, NULL);
            for (i = 0; i < files; i++) {
                sprintf(name, "%d", i);
                fd = open(name, O_RDWR | O_CREAT, 0600);
                if (pwrite(fd, "data", 4, 0) != 4)
                    return 1;
                if (i % 2) {
                    close(fd);
                    dawdle();
                    fd = open(name, O_WRONLY);
                }
                dawdle();
                memcpy(elf + 32, &i, sizeof(i));
                if (pwrite(fd, elf, sizeof(elf), 0) != sizeof(elf))
                    return 1;
                if (i % 3)
                    dawdle();
                close(fd);
                close(open(name, O_RDONLY));
            }
            over = 1;
            pthread_join(reader, NULL);
            return 0;
        }
        """;

    static long Marked(Daemon daemon) => daemon.Status().GetProperty("accesses").GetProperty("marked").GetInt64();
}
