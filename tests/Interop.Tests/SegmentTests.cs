using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>A list in segments: written by a real host, read by whoever reads lists.</summary>
public sealed class SegmentTests : IDisposable
{
    readonly Emulator _tpm = new();
    readonly Volume _volume = new();
    readonly string _state = Bench.NewDirectory("state");

    public void Dispose()
    {
        _volume.Dispose();
        _tpm.Dispose();
    }

    [Fact]
    public void Segments_are_one_list_for_every_reader_also_after_a_restart()
    {
        using (Daemon daemon = Start("{segment_entries: 5}"))
        {
            Run(20);
            AwaitSealed(daemon, 4);
            Assert.Equal(0, Verify().Status);
            Assert.Equal(File.ReadAllBytes(daemon.BinaryList), Cat());
            Assert.Equal(0, _tpm.Verify(daemon.BinaryList).Status);
            Assert.Equal(0, daemon.Stop());
        }

        RequireWhole(open: 1);
        using (Daemon daemon = Start("{segment_entries: 5}"))
        {
            Run(7);
            Assert.Equal(File.ReadAllBytes(daemon.BinaryList), Cat());
            Assert.Equal(0, daemon.Stop());
        }

        RequireWhole(open: 1);
    }

    [Fact]
    public void Manifests_are_signed_by_the_TPM_and_the_signature_is_of_this_manifest_alone()
    {
        string key = Path.Combine(Bench.NewDirectory("quote"), "ak.pub");
        using Daemon daemon = Start("{segment_entries: 4}");
        Run(10);
        AwaitSealed(daemon, 2);
        Shell.Must(Bench.Program, "segments", "flush", "--state", _state);
        Shell.Must(Bench.Program, "quote", "--out", Path.GetDirectoryName(key)!, "--state", _state);
        string first = Path.Combine(_state, "current", "00000000.json");

        Outcome good = Shell.Run(Bench.Program, "segments", "verify", "--ak", key, "--state", _state);
        // The last segment grows: nobody has signed that.
        Assert.True(good.Status == 0, good.Output + good.Errors);
        Assert.EndsWith(" segments verified\n", good.Output, StringComparison.Ordinal);
        Assert.Contains("\"quote\":{\"attest\":", File.ReadAllText(first), StringComparison.Ordinal);

        string manifest = File.ReadAllText(first);
        File.WriteAllText(first, manifest.Replace("\"time\":\"2", "\"time\":\"1", StringComparison.Ordinal));
        Outcome changed = Shell.Run(Bench.Program, "segments", "verify", "--state", _state);
        Assert.Equal(1, changed.Status);
        Assert.Contains("its quote is one of another manifest, or this one was changed", changed.Output, StringComparison.Ordinal);
        File.WriteAllText(first, manifest);

        string other = Path.Combine(Bench.NewDirectory("other"), "key.pem");
        Shell.Must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other);
        Shell.Must("openssl", "pkey", "-in", other, "-pubout", "-out", other + ".pub");
        Outcome foreign = Shell.Run(Bench.Program, "segments", "verify", "--ak", other + ".pub", "--state", _state);
        Assert.Equal(1, foreign.Status);
        Assert.Contains("another than the trusted one", foreign.Output, StringComparison.Ordinal);
    }

    /// <summary>Whoever may ask for a quote with a nonce gets no manifest signed that he made up.</summary>
    [Theory]
    [InlineData("ecc")]
    [InlineData("rsa")]
    public void Tpm2_checkquote_accepts_the_quote_of_a_manifest_and_no_nonce_gets_one(string kind)
    {
        using Daemon daemon = Start("{segment_entries: 4}", $"attestation_key: {kind}\n");
        Run(10);
        AwaitSealed(daemon, 2);
        foreach (int number in new[] { 0, 1 })
        {
            string manifest = File.ReadAllText(Path.Combine(_state, "current", $"{number:d8}.json"));
            string directory = Bench.NewDirectory("manifest");
            string nonce = Unpack(manifest, directory);
            Assert.Equal(0, CheckQuote(directory, nonce).Status);
            Assert.NotEqual(0, CheckQuote(directory, nonce[..^2] + (nonce.EndsWith('0') ? "11" : "00")).Status);
            Assert.NotEqual(0, CheckQuote(directory, nonce[4..]).Status);

            Outcome refused = Shell.Run(Bench.Program, "quote", "--nonce", nonce, "--state", _state);
            Assert.Equal(2, refused.Status);
            Assert.Contains("manifests of segments are signed with such bytes", refused.Errors, StringComparison.Ordinal);
            Assert.StartsWith("error: manifests of segments are signed", Ask($"quote {nonce}"), StringComparison.Ordinal);
            Assert.StartsWith("{", Ask($"quote {nonce[4..]}"), StringComparison.Ordinal);
        }

        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Exported_file_is_a_list_that_evmctl_accepts()
    {
        string target = Path.Combine(Bench.NewDirectory("target"), "list");
        using Daemon daemon = Start($"{{segment_entries: 5, export: {{file: {target}}}}}");
        Run(12);
        Shell.Must(Bench.Program, "segments", "flush", "--state", _state);
        Assert.Equal(Cat(), File.ReadAllBytes(target));
        foreach (string bank in new[] { "sha1", "sha256" })
        {
            Outcome evmctl = _tpm.Verify(target, bank);
            Assert.True(evmctl.Status == 0, evmctl.Output + evmctl.Errors);
        }

        // What evmctl is asked can be refused: the file without its last segment is not what the TPM has.
        File.WriteAllBytes(target, File.ReadAllBytes(Path.Combine(_state, "current", "00000000.ima")));
        Assert.NotEqual(0, _tpm.Verify(target).Status);
        Assert.Equal(0, daemon.Stop());
    }

    /// <summary>A hundred hosts die, at any moment, while entries are stored, segments sealed and exported.</summary>
    [Fact]
    public void Segments_and_TPM_agree_whenever_hosts_die()
    {
        string target = Path.Combine(Bench.NewDirectory("target"), "list");
        using (Daemon daemon = Start($"{{segment_entries: 3, export: {{file: {target}}}}}"))
        {
            var random = new Random(7);
            for (int death = 0; death < 100; death++)
            {
                Run(2);
                Thread.Sleep(random.Next(10));
                daemon.KillHost();
            }

            Run(1);
            Assert.Equal(0, Shell.Run(Bench.Program, "segments", "flush", "--state", _state).Status);
            Assert.Equal(Cat(), File.ReadAllBytes(target));
            Assert.Equal(0, daemon.Stop());
        }

        RequireWhole(open: 1);
        Assert.Equal(Cat(), File.ReadAllBytes(target));
    }

    /// <summary>The target's filesystem is frozen: whoever writes to it waits in the kernel.</summary>
    [Fact]
    public void Export_that_hangs_holds_up_nobody_and_gives_way_to_a_new_target()
    {
        using var disk = new Volume("ext4");
        using Daemon daemon = Start($"{{segment_entries: 4, export: {{file: {disk["list"]}}}}}");
        Run(8);
        Shell.Must(Bench.Program, "segments", "flush", "--state", _state);
        string better = Path.Combine(Bench.NewDirectory("target"), "list");
        Shell.Must("fsfreeze", "--freeze", disk.Path);
        try
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Run(20);
            Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
            AwaitSealed(daemon, 5);
            Thread.Sleep(1000); // the export has begun with them by then, and waits
            Outcome asked = Shell.Run(Bench.Program, "segments", "export", "--state", _state, "--target", $"file:{better}");
            Assert.Equal(1, asked.Status);
            Assert.Contains($"the export to file:{disk["list"]} does not answer", asked.Errors, StringComparison.Ordinal);
            Assert.False(File.Exists(better));
        }
        finally
        {
            Shell.Must("fsfreeze", "--unfreeze", disk.Path);
        }

        Shell.Until(() => File.Exists(better), "the new target counts");
        Shell.Must(Bench.Program, "segments", "flush", "--state", _state);
        Assert.Equal(Cat(), File.ReadAllBytes(better));
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Export_that_fails_goes_on_with_a_new_target()
    {
        string small = Bench.NewDirectory("small");
        Shell.Must("mount", "-t", "tmpfs", "-o", "size=4k", "imahost-small", small);
        using Daemon daemon = Start($"{{segment_entries: 4, export: {{file: {small}/list}}}}");
        Run(60);
        Shell.Until(() => Segments(daemon).GetProperty("failed").ValueKind == JsonValueKind.String, "the failure shows");
        Assert.Contains("No space left on device", Segments(daemon).GetProperty("failed").GetString(), StringComparison.Ordinal);
        Assert.Contains("the export to file:", daemon.Status().GetProperty("faults").ToString(), StringComparison.Ordinal);
        Shell.Must("mount", "-o", "remount,size=1m", small);
        Run(4);
        Thread.Sleep(600);
        Assert.Equal(JsonValueKind.String, Segments(daemon).GetProperty("failed").ValueKind);

        Shell.Must("mount", "-o", "remount,ro", small);
        Assert.Equal(1, Shell.Run(Bench.Program, "segments", "export", "--state", _state, "--target", $"file:{small}/list").Status);
        string better = Path.Combine(Bench.NewDirectory("target"), "list");
        Shell.Must(Bench.Program, "segments", "export", "--state", _state, "--target", $"file:{better}");
        Shell.Must(Bench.Program, "segments", "flush", "--state", _state);
        Assert.Equal(Cat(), File.ReadAllBytes(better));
        Assert.Equal("[]", daemon.Status().GetProperty("faults").ToString());
        Assert.Equal(0, daemon.Stop());
        Shell.Must("umount", small);
    }

    [Fact]
    public void Erased_segments_are_gone_from_the_published_list_and_nothing_is_measured_twice()
    {
        using Daemon daemon = Start("{segment_entries: 5}");
        string[] programs = Run(20);
        AwaitSealed(daemon, 4);
        byte[] whole = File.ReadAllBytes(daemon.BinaryList);
        Outcome pruned = Shell.Run(Bench.Program, "segments", "prune", "--retention", "keep:1", "--state", _state);
        Assert.True(pruned.Status == 0 && pruned.Output.Contains("erased segment 0", StringComparison.Ordinal), pruned.Errors + pruned.Output);
        byte[] rest = File.ReadAllBytes(daemon.BinaryList);
        Assert.NotEmpty(rest);
        Assert.Equal(whole[^rest.Length..], rest);
        foreach (string program in programs)
        {
            // Another inode with the same content under the same name: it is asked about, and known.
            Shell.Must("sh", "-c", $"cp {program} {program}.x && mv {program}.x {program} && {program}");
        }

        Assert.DoesNotContain(File.ReadLines(daemon.AsciiList), line => line.Contains($" {programs[0]} ", StringComparison.Ordinal));
        AwaitSealed(daemon, 4);
        Assert.Equal(0, Verify().Status);
        daemon.KillHost();
        Run(1);
        Assert.Equal("[]", daemon.Status().GetProperty("faults").ToString());
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void List_is_staged_and_deleted_by_the_kernels_commands()
    {
        using Daemon daemon = Start("{segment_entries: 5}");
        Run(8);
        string staged = daemon.AsciiList + "_staged";
        string copy = Path.Combine(Bench.NewDirectory("copy"), "list");
        string[] lines = File.ReadAllLines(daemon.AsciiList);
        byte[] binary = File.ReadAllBytes(daemon.BinaryList);
        Assert.NotEqual(0, Shell.Run("sh", "-c", $"echo D > {staged}").Status);
        Shell.Must("sh", "-c", $"echo A > {staged}");
        Assert.NotEqual(0, Shell.Run("sh", "-c", $"echo A > {staged}").Status);
        Assert.Equal(lines, File.ReadAllLines(staged));
        Assert.Equal(binary, File.ReadAllBytes(daemon.BinaryList + "_staged"));
        Assert.Empty(File.ReadAllBytes(daemon.BinaryList));
        Run(3);
        Assert.Equal(3, File.ReadAllLines(daemon.AsciiList).Length);
        Shell.Must("sh", "-c", $"cat {daemon.BinaryList}_staged > {copy}");
        Assert.Equal(binary, File.ReadAllBytes(copy));
        daemon.KillHost();
        Shell.Until(() => daemon.Log.Split("took over").Length > 1, "the next host");
        Assert.Equal(lines, File.ReadAllLines(staged));
        Shell.Must("sh", "-c", $"echo D > {staged}");
        Assert.Empty(File.ReadAllBytes(staged));
        Shell.Must("sh", "-c", $"echo 2 > {daemon.AsciiList}");
        Assert.Single(File.ReadAllLines(daemon.AsciiList));
        Assert.Equal("1\n", File.ReadAllText(Path.Combine(daemon.Fs, "runtime_measurements_count")));
        foreach (string bad in new[] { "A", "D", "0", "-1", "2", "x", "1 1", "" })
        {
            Assert.NotEqual(0, Shell.Run("sh", "-c", $"echo '{bad}' > {daemon.AsciiList}").Status);
        }

        // Many may read or one may write; and root alone who may administrate.
        Assert.NotEqual(0, Shell.Run("sh", "-c", $"exec 3< {daemon.BinaryList}; echo 1 > {daemon.AsciiList}").Status);
        Assert.NotEqual(0, Shell.Run("sh", "-c", $"exec 3> {daemon.BinaryList}; cat {daemon.AsciiList}").Status);
        Assert.NotEqual(0, Shell.Run("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", "sh", "-c", $"echo 1 > {daemon.AsciiList}").Status);
        Assert.NotEqual(0, Shell.Run("unshare", "-Ur", "sh", "-c", $"echo 1 > {daemon.AsciiList}").Status);
        Assert.Equal(0, Verify().Status);
        Assert.Equal(0, daemon.Stop());
        RequireWhole(open: 1);
    }

    /// <summary>Writes what tpm2_checkquote takes.</summary>
    /// <returns>The qualifying data, hex.</returns>
    static string Unpack(string manifest, string directory)
    {
        JsonElement quote = JsonDocument.Parse(manifest).RootElement.GetProperty("quote");
        foreach (string part in new[] { "attest", "signature", "ak" })
        {
            File.WriteAllBytes(Path.Combine(directory, part), quote.GetProperty(part).GetBytesFromBase64());
        }

        string without = manifest[..manifest.IndexOf(",\"quote\":", StringComparison.Ordinal)] + "}\n";
        byte[] digest = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(without));
        return "000b" + Convert.ToHexStringLower(digest);
    }

    static Outcome CheckQuote(string directory, string nonce) => Shell.Script(
        $"cd {directory} && tpm2_checkquote -u ak -m attest -s signature -q {nonce} -g sha256");

    /// <summary>The control socket, as the command asks it, without the command's own look at what is asked.</summary>
    string Ask(string question)
    {
        string ask = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'0 '+sys.argv[2].encode()+b'\\n');"
            + " s.shutdown(socket.SHUT_WR); print(b''.join(iter(lambda: s.recv(65536), b'')).decode(), end='')";
        return Shell.Must("python3", "-c", ask, Path.Combine(_state, "control"), question);
    }

    Daemon Start(string log, string more = "")
    {
        string config = Bench.NewFile("imahost.yaml", $"log: {log}\n{more}");
        return Daemon.Ready(_volume.Path, $"--tpm {_tpm.Transport} --config {config}", state: _state);
    }

    string[] Run(int programs)
    {
        string[] paths = [.. Enumerable.Range(0, programs).Select(_ => _volume.AddProgram($"program-{Guid.NewGuid():n}"))];
        foreach (string path in paths)
        {
            Assert.Equal(0, Shell.Script(path).Status);
        }

        return paths;
    }

    static JsonElement Segments(Daemon daemon) => daemon.Status().GetProperty("segments");

    /// <summary>Waits for so many, and for all that are closed: until then they are told as not sealed.</summary>
    static void AwaitSealed(Daemon daemon, int count)
    {
        bool AllAre(JsonElement segments) =>
            segments.GetProperty("sealed").GetInt32() is var done && done >= count && done >= segments.GetProperty("count").GetInt32() - 1;
        Shell.Until(() => AllAre(Segments(daemon)), $"{count} segments are sealed, and no closed one is not");
    }

    Outcome Verify() => Shell.Run(Bench.Program, "segments", "verify", "--state", _state);

    byte[] Cat()
    {
        string file = Path.Combine(Bench.NewDirectory("cat"), "list");
        Shell.Must("sh", "-c", $"{Bench.Program} segments cat --state {_state} > {file}");
        return File.ReadAllBytes(file);
    }

    /// <summary>All is sealed, and the segments put together are a list that evmctl and a verifier of their own accept.</summary>
    void RequireWhole(int open)
    {
        Outcome verified = Verify();
        Assert.True(verified.Status == 0, verified.Output);
        string list = Path.Combine(_state, "current");
        string[] segments = [.. verified.Output.Split('\n').Where(line => line.Contains("  open", StringComparison.Ordinal))];
        Assert.InRange(segments.Length, 0, open);
        Verifiers.AcceptSegments(list, Cat(), _tpm);
    }
}
