using System.Diagnostics;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests.Faults;

/// <summary>The power goes while segments are written and sealed: what was sealed is there, and whole.</summary>
public sealed class PowerFaultTests
{
    const int Cuts = 500;
    const int MostMilliseconds = 25;

    /// <summary>Real ext4 in a loop image, whose shutdown drops all that is not on its disk, as a loss of power does.</summary>
    [Fact]
    public async Task Sealed_segments_survive_power_cuts_at_any_moment()
    {
        using var disk = new Volume("ext4");
        string godown = Path.Combine(Bench.NewDirectory("godown"), "godown");
        Shell.Must("cc", "-O1", "-o", godown, Path.Combine(Bench.Repository, "tests/Interop.Tests/Storm/godown.c"));
        using Process writer = Process.Start(new ProcessStartInfo(
            Path.Combine(Bench.Build, "hazard", "HazardHost"), "segments")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            var random = new Random(16);
            int sealedInAll = 0;
            int halfDone = 0;
            for (int cut = 0; cut < Cuts; cut++)
            {
                string state = disk[$"state-{cut % 8}"];
                Shell.Must("rm", "-rf", state);
                writer.StandardInput.WriteLine(state);
                Task<Dictionary<int, string>> telling = Task.Run(() => Listen(writer.StandardOutput));
                await Task.Delay(random.Next(MostMilliseconds), TestContext.Current.CancellationToken);
                Shell.Must(godown, disk.Path);
                Dictionary<int, string> told = await telling;
                Shell.Until(() => Shell.Run("umount", disk.Path).Status == 0, "the writer has let go");
                Shell.Must("mount", "-o", "loop", disk.Image!, disk.Path);
                sealedInAll += told.Count;
                halfDone += Require(state, told, cut) ? 1 : 0;
            }

            // Cuts that hit nothing prove nothing.
            Assert.True(sealedInAll > Cuts / 5, $"{sealedInAll} segments were sealed before {Cuts} cuts");
            Assert.True(halfDone > 10, $"only {halfDone} cuts left something that was not sealed");
        }
        finally
        {
            writer.Kill();
        }
    }

    /// <summary>The digest of each manifest that the writer said was sealed.</summary>
    static Dictionary<int, string> Listen(StreamReader output)
    {
        var told = new Dictionary<int, string>();
        for (string? line; (line = output.ReadLine()) is not (null or "stopped");)
        {
            if (line.Split(' ') is ["sealed", { } number, { } digest])
            {
                told.Add(int.Parse(number, System.Globalization.CultureInfo.InvariantCulture), digest);
            }
        }

        return told;
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
}
