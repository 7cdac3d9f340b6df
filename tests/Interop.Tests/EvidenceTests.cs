using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Evidence of a running host: quote and list agree exactly, whatever happens at the same time.</summary>
public sealed class EvidenceTests
{
    const int Rounds = 50;
    const int Writers = 4;

    [Fact]
    public void Evidence_taken_while_new_programs_are_started_is_exact_each_time()
    {
        using var bench = new QuoteBench();
        string key = bench.TakeKey();
        string stop = Path.Combine(Bench.NewDirectory("stop"), "stop");
        using var first = StartWriter(bench.Volume, 0, stop);
        using var second = StartWriter(bench.Volume, 1, stop);
        using var third = StartWriter(bench.Volume, 2, stop);
        using var fourth = StartWriter(bench.Volume, 3, stop);
        string[] evidences = [.. Enumerable.Range(0, Rounds).Select(_ => bench.TakeEvidence())];
        File.WriteAllText(stop, "");
        Running[] writers = [first, second, third, fourth];
        Assert.All(writers, writer => Assert.Equal(0, writer.Wait().Status));

        int[] entries =
        [
            .. evidences.Select(evidence =>
            {
                Outcome verified = QuoteBench.Verify(evidence, key, QuoteBench.Nonce, "--json", "--ignore-violations");
                Assert.True(verified.Status == 0, verified.Output + verified.Errors);
                JsonElement list = JsonDocument.Parse(verified.Output).RootElement.GetProperty("list");
                Assert.Equal(list.GetProperty("entries").GetInt32(), list.GetProperty("matched").GetInt32());
                return list.GetProperty("entries").GetInt32();
            }),
        ];

        Assert.Equal(entries.Order(), entries);
        Assert.True(entries.Distinct().Count() > Rounds / 2, $"the list did not grow meanwhile: {string.Join(' ', entries)}");
        Assert.Equal(Writers, writers.Length);
    }

    [Fact]
    public void Any_file_that_was_changed_is_named()
    {
        using var bench = new QuoteBench();
        string key = bench.TakeKey();
        string evidence = bench.TakeEvidence();
        Assert.Equal(0, QuoteBench.Verify(evidence, key).Status);
        Assert.Equal(9, Directory.GetFiles(evidence).Length);
        foreach (string file in Directory.GetFiles(evidence))
        {
            byte[] bytes = File.ReadAllBytes(file);
            byte[] changed = [.. bytes];
            changed[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(file, changed);
            Outcome refused = QuoteBench.Verify(evidence, key);
            File.WriteAllBytes(file, bytes);

            Assert.True(refused.Status == 1, $"{file}: {refused.Output}{refused.Errors}");
            Assert.Contains(
                refused.Output.Split('\n'),
                line => line.StartsWith("not ", StringComparison.Ordinal)
                    && line.Contains(Path.GetFileName(file), StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Wrong_nonce_another_key_and_an_older_list_are_refused_each_by_its_sentence()
    {
        using var bench = new QuoteBench();
        using var other = new QuoteBench();
        string key = bench.TakeKey();
        string before = bench.TakeEvidence();
        Shell.Script(bench.Volume.AddProgram("another"));
        string after = bench.TakeEvidence();

        Refused("not        quote.msg answers nonce", QuoteBench.Verify(after, key, "ff"));
        Refused("not        ak.pub is not what it should be", QuoteBench.Verify(after, other.TakeKey()));
        File.Copy($"{before}/binary_runtime_measurements", $"{after}/binary_runtime_measurements", overwrite: true);
        Refused("not        binary_runtime_measurements does not agree: no part of the list", QuoteBench.Verify(after, key));
        Assert.Equal(0, QuoteBench.Verify(before, key).Status);
    }

    /// <summary>Offline, with a manifest that was kept while its segment was still there.</summary>
    [Fact]
    public void Evidence_of_a_list_whose_beginning_is_erased_is_verified_from_a_base_on()
    {
        using var bench = new QuoteBench(log: "{segment_entries: 4}");
        string key = bench.TakeKey();
        for (int i = 0; i < 12; i++)
        {
            Shell.Script(bench.Volume.AddProgram($"program-{i}"));
        }

        string state = bench.Daemon.State;
        Shell.Must(Bench.Program, "segments", "flush", "--state", state);
        string list = Path.Combine(state, "current");
        string known = Bench.NewFile("base.json", "");
        string last = Directory.GetFiles(list, "*.json").Order(StringComparer.Ordinal).Last();
        Shell.Must(Bench.Program, "segments", "prune", "--retention", "keep:1", "--state", state);
        string first = Directory.GetFiles(list, "*.ima").Order(StringComparer.Ordinal).First();
        Assert.NotEqual("00000000.ima", Path.GetFileName(first));
        int number = int.Parse(Path.GetFileNameWithoutExtension(first), System.Globalization.CultureInfo.InvariantCulture);
        File.Copy(Path.Combine(list, $"{number - 1:d8}.json"), known, overwrite: true);
        Shell.Script(bench.Volume.AddProgram("another"));
        string evidence = bench.TakeEvidence();

        Refused("entries 0 to ", QuoteBench.Verify(evidence, key));
        Refused("are missing (erased)", QuoteBench.Verify(evidence, key));
        foreach (string trusted in (string[])[known, last])
        {
            Outcome verified = QuoteBench.Verify(evidence, key, QuoteBench.Nonce, "--base", trusted);
            Assert.True(verified.Status == 0, verified.Output + verified.Errors);
            Assert.Contains("after those of the base", verified.Output, StringComparison.Ordinal);
        }

        Assert.Equal(2, QuoteBench.Verify(evidence, key, QuoteBench.Nonce, "--base", key).Status);
        byte[] bytes = File.ReadAllBytes($"{evidence}/binary_runtime_measurements");
        bytes[^1] ^= 1;
        File.WriteAllBytes($"{evidence}/binary_runtime_measurements", bytes);
        Refused("not        binary_runtime_measurements", QuoteBench.Verify(evidence, key, QuoteBench.Nonce, "--base", known));
    }

    [Fact]
    public void Evidence_wants_an_empty_directory_a_key_and_a_nonce()
    {
        string full = Path.GetDirectoryName(Bench.NewFile("file", "text"))!;
        Outcome refused = Shell.Run(Bench.Program, "evidence", "--nonce", "00", "--out", full, "--state", "/nowhere");
        Assert.Equal(2, refused.Status);
        Assert.Contains("is not empty", refused.Errors, StringComparison.Ordinal);
        foreach (string[] some in (string[][])[["--ak", "/nowhere/ak"], ["--nonce", "00"]])
        {
            Assert.Equal(2, Shell.Run(Bench.Program, ["verify", "--evidence", full, .. some]).Status);
        }

        Assert.Equal(2, Shell.Run(Bench.Program, "verify", "--nonce", "00", "--tpm", "none").Status);
    }

    [Fact]
    public void Extends_go_on_while_quotes_are_made()
    {
        using var bench = new QuoteBench();
        long quoted = 0;
        using var stop = new CancellationTokenSource();
        var quoting = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = Shell.Must(Bench.Program, "quote", "--state", bench.Daemon.State);
                quoted++;
            }
        });
        quoting.Start();
        string done = Path.Combine(Bench.NewDirectory("stop"), "stop");
        using Running writer = StartWriter(bench.Volume, 7, done);
        Thread.Sleep(3000);
        File.WriteAllText(done, "");
        Outcome written = writer.Wait();
        stop.Cancel();
        quoting.Join();

        Assert.Equal(0, written.Status);
        Assert.True(quoted >= 3, $"{quoted} quotes");
        Assert.Equal(0, bench.Tpm.Verify(bench.Daemon.BinaryList, "sha256", "--ignore-violations").Status);
        Assert.Equal(0, bench.Daemon.Status().GetProperty("faults").GetArrayLength());
    }

    static void Refused(string sentence, Outcome outcome)
    {
        Assert.Equal(1, outcome.Status);
        Assert.Contains(sentence, outcome.Output, StringComparison.Ordinal);
    }

    /// <summary>Starts new programs, each with content of its own, until a file appears.</summary>
    static Running StartWriter(Volume volume, int number, string stop) => Shell.StartScript(
        $"i=0; while [ ! -e {stop} ]; do p={volume.Path}/w{number}-$i; "
        + $"printf '#!/bin/sh\\n: %s\\n' \"{number} $i\" > $p; chmod +x $p; $p || exit 1; rm $p; i=$((i + 1)); done");
}
