using System.Diagnostics;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests.Faults;

/// <summary>The power goes while segments are written and sealed: what was sealed is there, and whole.</summary>
public sealed class PowerFaultTests
{
    const int Cuts = 500;
    const int MostMilliseconds = 25;
    const int TpmCuts = 12;

    /// <summary>A TPM takes its time: the cut comes when so many segments are sealed, or fewer.</summary>
    const int MostSealed = 4;

    /// <summary>Real ext4 in a loop image, whose shutdown drops all that is not on its disk, as a loss of power does.</summary>
    [Fact]
    public async Task Sealed_segments_survive_power_cuts_at_any_moment()
    {
        using var bench = new Cut();
        var random = new Random(16);
        int sealedInAll = 0;
        int halfDone = 0;
        for (int cut = 0; cut < Cuts; cut++)
        {
            string state = bench.NewState(cut);
            Dictionary<int, string> told = await bench.Run(state, random.Next(MostMilliseconds));
            sealedInAll += told.Count;
            halfDone += Require(state, told, cut) ? 1 : 0;
        }

        // Cuts that hit nothing prove nothing.
        Assert.True(sealedInAll > Cuts / 5, $"{sealedInAll} segments were sealed before {Cuts} cuts");
        Assert.True(halfDone > 10, $"only {halfDone} cuts left something that was not sealed");
    }

    /// <summary>
    /// With a TPM that loses no power: what the disk has lost of the list shows at the next start, which says so. What the
    /// disk has all of goes on, also if the last entry was not extended yet.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task List_and_TPM_agree_after_a_power_cut_or_the_start_says_that_they_do_not(bool isOnDisk)
    {
        using var bench = new Cut();
        using var tpm = new Emulator();
        var random = new Random(23);
        int refused = 0;
        int sealedInAll = 0;
        for (int cut = 0; cut < TpmCuts; cut++)
        {
            Shell.Must("tpm2_pcrreset", "-T", tpm.Transport, "23");
            string state = bench.NewState(cut);
            Dictionary<int, string> told = await bench.Run(
                $"{state} {tpm.Transport}", random.Next(MostMilliseconds), isOnDisk, random.Next(MostSealed));
            sealedInAll += told.Count;
            _ = Require(state, told, cut);
            string held = tpm.ReadPcr("sha256", 23);
            string[] said = bench.Begin(state, tpm, ThisBoot);
            bool isBegun = said[^1].StartsWith("begun ", StringComparison.Ordinal);
            bool isTold = said[^1].Contains("PCR 23 of ", StringComparison.Ordinal) || said[^1].Contains(" at offset ", StringComparison.Ordinal);
            Assert.True(isBegun || (isTold && held == tpm.ReadPcr("sha256", 23)), $"cut {cut}: {said[^1]}");
            Assert.True(isBegun || !isOnDisk, $"cut {cut}: {said[^1]}");
            if (ListOf(state) is { } list)
            {
                Outcome verified = Verifiers.ImaHost(list, tpm.ReadPcrs(), "--exact");
                Assert.True(verified.Status == 0 == isBegun, $"cut {cut}: {said[^1]}; {verified.Output}");
            }

            refused += isBegun ? 0 : 1;
        }

        Assert.True(sealedInAll > TpmCuts / 5, $"{sealedInAll} segments were sealed before {TpmCuts} cuts");
        Assert.True(isOnDisk || refused > TpmCuts / 2, $"only {refused} cuts lost something that the TPM had");
    }

    /// <summary>The machine goes down: the TPM is blank, and another boot begins. What was left is sealed, and nothing is lost of it.</summary>
    [Fact]
    public async Task Next_boot_begins_its_list_and_seals_what_a_power_cut_has_left_of_the_one_before()
    {
        using var bench = new Cut();
        using var tpm = new Emulator();
        var random = new Random(42);
        int left = 0;
        int whole = 0;
        for (int cut = 0; cut < TpmCuts; cut++)
        {
            Shell.Must("tpm2_pcrreset", "-T", tpm.Transport, "23");
            string state = bench.NewState(cut);
            Dictionary<int, string> told = await bench.Run(
                $"{state} {tpm.Transport}", random.Next(MostMilliseconds), isOnDisk: cut % 2 == 0, random.Next(MostSealed));
            left += Require(state, told, cut) ? 1 : 0;
            string? before = ListOf(state);
            Shell.Must("tpm2_pcrreset", "-T", tpm.Transport, "23");
            string[] said = bench.Begin(state, tpm, $"{Guid.NewGuid()}");
            Assert.EndsWith(" 1", said[^1], StringComparison.Ordinal);
            Assert.NotEqual(before, said[^1].Split(' ')[1]);
            if (before != null)
            {
                // A segment that lost something in its middle is named, and stays as it is.
                string verified = Shell.Run(Bench.Program, "segments", "verify", "--list", before).Output;
                bool isWhole = !verified.Contains("  open  ", StringComparison.Ordinal);
                Assert.True(said.Length == (isWhole ? 1 : 2), $"cut {cut}: {string.Join(", ", said)}; {verified}");
                Assert.True(isWhole || said[0].StartsWith($"warned what an earlier host has left of {before} cannot be sealed", StringComparison.Ordinal), said[0]);
                whole += isWhole ? 1 : 0;
            }
        }

        Assert.True(left > TpmCuts / 4, $"only {left} cuts left something that was not sealed");
        Assert.True(whole > TpmCuts / 3, $"only {whole} lists were sealed to their ends");
    }

    static string ThisBoot => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    static string? ListOf(string state)
    {
        string lists = Path.Combine(state, "lists");
        string? list = Directory.Exists(lists) ? Directory.GetDirectories(lists).FirstOrDefault() : null;
        return list != null && Directory.GetFiles(list, "*.ima").Any(file => new FileInfo(file).Length > 0) ? list : null;
    }

    /// <returns>True when something was left that was not sealed.</returns>
    static bool Require(string state, Dictionary<int, string> told, int cut)
    {
        string lists = Path.Combine(state, "lists");
        string? list = Directory.Exists(lists) ? Directory.GetDirectories(lists).FirstOrDefault() : null;
        if (list == null || Directory.GetFiles(list, "*.ima").Length == 0)
        {
            Assert.Empty(told);
            return false;
        }

        Outcome verified = Shell.Run(Bench.Program, "segments", "verify", "--json", "--list", list);
        JsonElement[] reports = [.. verified.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        foreach ((int number, string digest) in told)
        {
            string bytes = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
                File.ReadAllBytes(Path.Combine(list, $"{number:d8}.json"))));
            Assert.True($"sha256:{bytes}" == digest, $"cut {cut}: the manifest of segment {number} is another");
        }

        foreach (JsonElement report in reports.Where(one => one.GetProperty("state").GetString() == "sealed"))
        {
            Assert.True(report.GetProperty("problems").GetArrayLength() == 0, $"cut {cut}: {report}");
        }

        int whole = reports.Count(one => one.GetProperty("state").GetString() == "sealed");
        Assert.True(whole >= told.Count, $"cut {cut}: {told.Count} segments were sealed, {whole} are: {verified.Output}");
        return reports.Length > whole;
    }

    /// <summary>A disk of its own, and a writer on it.</summary>
    sealed class Cut : IDisposable
    {
        const int SealedMilliseconds = 20_000;

        readonly Volume _disk = new("ext4");
        readonly string _godown = Path.Combine(Bench.NewDirectory("godown"), "godown");
        readonly Process _writer = Process.Start(new ProcessStartInfo(Path.Combine(Bench.Build, "hazard", "HazardHost"), "segments")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;

        public Cut() => Shell.Must("cc", "-O1", "-o", _godown, Path.Combine(Bench.Repository, "tests/Interop.Tests/Storm/godown.c"));

        public string NewState(int cut)
        {
            string state = _disk[$"state-{cut % 8}"];
            Shell.Must("rm", "-rf", state);
            return state;
        }

        /// <summary>Lets the writer write, and cuts the power.</summary>
        /// <param name="milliseconds">When, after so many segments are sealed.</param>
        /// <param name="isOnDisk">What was written by then is on the disk.</param>
        /// <returns>What it said was sealed.</returns>
        public async Task<Dictionary<int, string>> Run(string line, int milliseconds, bool isOnDisk = false, int segments = 0)
        {
            _writer.StandardInput.WriteLine(line);
            using var enough = new CountdownEvent(segments + 1);
            Task<Dictionary<int, string>> telling = Task.Run(() => Listen(_writer.StandardOutput, enough));
            _ = enough.Signal();
            Assert.True(enough.Wait(SealedMilliseconds, TestContext.Current.CancellationToken), $"{segments} segments are not sealed");
            await Task.Delay(milliseconds, TestContext.Current.CancellationToken);
            if (isOnDisk)
            {
                Shell.Signal("STOP", _writer.Id);
                Shell.Must("sync", "-f", _disk.Path);
            }

            Shell.Must(_godown, _disk.Path);
            Shell.Signal("CONT", _writer.Id);
            Dictionary<int, string> told = await telling;
            Shell.Until(() => Shell.Run("umount", _disk.Path).Status == 0, "the writer has let go");
            Shell.Must("mount", "-o", "loop", _disk.Image!, _disk.Path);
            return told;
        }

        /// <summary>What a start says, in a boot.</summary>
        public string[] Begin(string state, Emulator tpm, string boot)
        {
            _writer.StandardInput.WriteLine($"begin {state} {tpm.Transport} {boot}");
            var said = new List<string>();
            for (string? line; (line = _writer.StandardOutput.ReadLine()) is not (null or "stopped");)
            {
                said.Add(line);
            }

            return [.. said];
        }

        public void Dispose()
        {
            _writer.Kill();
            _writer.WaitForExit();
            _writer.Dispose();
            _disk.Dispose();
        }

        /// <summary>The digest of each manifest that the writer said was sealed.</summary>
        static Dictionary<int, string> Listen(StreamReader output, CountdownEvent enough)
        {
            var told = new Dictionary<int, string>();
            for (string? line; (line = output.ReadLine()) is not (null or "stopped");)
            {
                if (line.Split(' ') is ["sealed", { } number, { } digest])
                {
                    told.Add(int.Parse(number, System.Globalization.CultureInfo.InvariantCulture), digest);
                    _ = !enough.IsSet && enough.Signal();
                }
            }

            return told;
        }
    }
}
