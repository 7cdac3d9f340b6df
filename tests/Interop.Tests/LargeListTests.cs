using System.Diagnostics;
using System.Globalization;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>A list of a million entries is verified in little memory, and sooner than by evmctl.</summary>
public sealed class LargeListTests
{
    const int Entries = 1_000_000;
    const int Rounds = 3;
    const long MostMemory = 100 << 10; // KiB

    [Fact]
    public void Million_entries_are_verified_sooner_than_by_evmctl_and_in_less_than_100_MiB()
    {
        string list = Path.Combine(Bench.NewDirectory("million"), "list");
        string pcrs = Bench.NewFile("million.pcrs", LargeList.Write(list, Entries));
        string converted = Verifiers.PcrsForEvmctl(pcrs);
        var ours = new List<long>();
        var theirs = new List<long>();
        long memory = 0;
        for (int round = 0; round < Rounds; round++)
        {
            ours.Add(Measure(Bench.Program, ["verify", "--list", list, "--pcrs", pcrs, "--exact"], ref memory));
            long unused = 0;
            theirs.Add(Measure("evmctl", ["ima_measurement", "--pcrs", $"sha256,{converted}", list], ref unused));
        }

        File.Delete(list);
        ours.Sort();
        theirs.Sort();
        string figures = string.Create(
            CultureInfo.InvariantCulture,
            $"imahost {string.Join(", ", ours)} ms and {memory} KiB, evmctl {string.Join(", ", theirs)} ms");
        TestContext.Current.SendDiagnosticMessage(figures);
        Assert.True(ours[Rounds / 2] < theirs[Rounds / 2], figures);
        Assert.InRange(memory, 1, MostMemory);
    }

    /// <param name="memory">Grows to the most resident memory seen, KiB.</param>
    /// <returns>Milliseconds.</returns>
    static long Measure(string program, string[] arguments, ref long memory)
    {
        var clock = Stopwatch.StartNew();
        using Running running = Shell.Start(program, arguments);
        while (!running.HasExited)
        {
            memory = Math.Max(memory, ReadPeak(running.Pid));
            Thread.Sleep(10);
        }

        clock.Stop();
        Outcome outcome = running.Wait(60);
        Assert.True(outcome.Status == 0, $"{program}: {outcome.Errors}{outcome.Output}");
        return clock.ElapsedMilliseconds;
    }

    /// <summary>VmHWM of proc(5); 0 when the process is gone.</summary>
    static long ReadPeak(int pid)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{pid}/status")
                .FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            string? number = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2];
            return number == null ? 0 : long.Parse(number, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
