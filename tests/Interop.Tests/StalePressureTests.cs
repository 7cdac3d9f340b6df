using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Verdicts are kept and evicted by the thousand, while programs are changed and run by many.</summary>
public sealed class StalePressureTests
{
    const int Cache = 64;
    const int Programs = 2000;
    const int Workers = 6;
    const string Mark = "mark:";

    /// <summary>
    /// Each program says what it holds and how long the list was when it ran. Nothing else is different in them, so that
    /// what it says tells the digest that must be in this part of the list.
    /// </summary>
    [Theory]
    [InlineData("ext4", 8)]
    [InlineData("tmpfs", 4)]
    public void Nothing_runs_that_is_not_in_the_list_by_then(string kind, int seconds)
    {
        using var volume = new Volume(kind);
        string config = Bench.NewFile("imahost.yaml", $"cache: {Cache}\n");
        using Daemon daemon = Daemon.Ready(volume.Path, $"--tpm none --config {config}");
        string source = Bench.NewFile("program.c", Program);
        string template = Path.Combine(Path.GetDirectoryName(source)!, "program");
        Shell.Must("cc", "-O1", "-o", template, source);
        string results = Bench.NewDirectory("results");
        Shell.Must("/usr/bin/python3", "-c", Make, template, volume.Path, $"{Programs}");

        using Running pressure = Shell.StartScript("while :; do echo 2 > /proc/sys/vm/drop_caches; sleep 0.5; done");
        List<Running> workers =
        [
            .. Enumerable.Range(0, Workers).Select(i => Shell.Start(
                "/usr/bin/python3", "-c", Work, template, volume.Path, $"{Programs}", daemon.BinaryList,
                Path.Combine(results, $"{i}"), $"{i}", $"{seconds}")),
        ];
        workers.ForEach(worker => Assert.Equal("", worker.Wait(seconds + 30).Errors));
        Shell.Signal("KILL", pressure.Pid);
        pressure.Wait();

        string[] runs = [.. Directory.GetFiles(results).SelectMany(File.ReadLines)];
        string[] unlisted = FindUnlisted(runs, daemon, File.ReadAllBytes(template));
        Assert.True(unlisted.Length == 0, $"{unlisted.Length} of {runs.Length}: {string.Join('\n', unlisted.Take(5))}");
        Assert.InRange(daemon.Status().GetProperty("accesses").GetProperty("cached").GetInt32(), 1, Cache);

        // Enough of both, or this has shown nothing.
        int contents = runs.Select(run => run.Split(' ')[1]).Distinct().Count();
        TestContext.Current.SendDiagnosticMessage($"{kind}: {runs.Length} runs of {contents} contents");
        Assert.InRange(contents, 5 * Cache, int.MaxValue);
        Assert.InRange(runs.Length - contents, 5 * Cache, int.MaxValue);
        workers.ForEach(worker => worker.Dispose());
    }

    /// <param name="runs">The path, what it holds, the length of the list.</param>
    static string[] FindUnlisted(string[] runs, Daemon daemon, byte[] content)
    {
        int at = content.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Mark)) + Mark.Length;
        List<int> offsets = Replay.Walk(File.ReadAllBytes(daemon.BinaryList));
        FrozenDictionary<string, int> entered = File.ReadLines(daemon.AsciiList).Take(offsets.Count)
            .Select((line, i) => (Words: line.Split(' '), Offset: offsets[i]))
            .GroupBy(entry => $"{entry.Words[3]} {entry.Words[4]}", entry => entry.Offset)
            .ToFrozenDictionary(group => group.Key, group => group.Min());
        bool IsListed(string run)
        {
            string[] words = run.Split(' ');
            Encoding.ASCII.GetBytes(words[1]).CopyTo(content, at);
            string digest = Convert.ToHexStringLower(SHA256.HashData(content));
            return entered.TryGetValue($"sha256:{digest} {words[0]}", out int offset)
                && offset < long.Parse(words[2], CultureInfo.InvariantCulture);
        }

        return [.. runs.Where(run => !IsListed(run))];
    }

    const string Program =
        """
        #include <stdio.h>
        #include <sys/stat.h>
        const char mark[] = "mark:0000000000000000";
        int main(int argc, char **argv)
        {
            const char *volatile own = mark;
            struct stat list;
            if (fstat(0, &list))
                return 1;
            printf("%s %.16s %ld\n", argv[argc - 1], own + 5, (long)list.st_size);
            return 0;
        }
        """;

    const string Make =
        """
        import os, sys
        content = open(sys.argv[1], 'rb').read()
        for i in range(int(sys.argv[3])):
            f = '%s/p%d' % (sys.argv[2], i)
            open(f, 'wb').write(content)
            os.chmod(f, 0o755)
        """;

    /// <summary>Some are changed and run more often than others. Who is in the way of whom is told, and tries another.</summary>
    const string Work =
        """
        import errno, mmap, os, random, sys, time
        template, directory, files, log, results, own, seconds = sys.argv[1:]
        content = open(template, 'rb').read()
        at = content.index(b'mark:') + 5
        log = os.open(log, os.O_RDONLY)
        results = os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        streams = [(os.POSIX_SPAWN_DUP2, log, 0), (os.POSIX_SPAWN_DUP2, results, 1)]
        random.seed(int(own))
        changes = 0
        def by_write(f, mark):
            d = os.open(f, os.O_WRONLY)
            os.pwrite(d, mark, at)
            os.close(d)
        def by_mapping(f, mark):
            d = os.open(f, os.O_RDWR)
            m = mmap.mmap(d, 0)
            os.close(d)
            m[at:at + 16] = mark
            m.close()
        def by_rename(f, mark):
            new = f + '.' + own
            with open(new, 'wb') as n:
                n.write(content[:at] + mark + content[at + 16:])
            os.chmod(new, 0o755)
            os.rename(new, f)
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            f = '%s/p%d' % (directory, int(int(files) * random.random() ** 3))
            try:
                if random.random() < 0.5:
                    changes += 1
                    random.choice([by_write, by_mapping, by_rename])(f, b'%04d%012d' % (int(own), changes))
                status = os.waitpid(os.posix_spawn(f, [f], {}, file_actions=streams), 0)[1]
                assert status == 0, '%s: %d' % (f, status)
            except OSError as e:
                if e.errno != errno.ETXTBSY:
                    raise
        """;
}
