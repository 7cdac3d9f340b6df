using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What `imahost status` tells of judging.</summary>
public sealed class StatusTests
{
    static readonly string[] Stages = ["policy", "hash", "store", "appraise", "total"];

    [Fact]
    public void Stages_of_judging_are_timed()
    {
        using var volume = new Volume();
        using Daemon daemon = Daemon.Ready(volume.Path, "--tpm none");
        Assert.All(Stages, stage => Assert.Equal(0, Stage(daemon.Status(), stage, "count")));
        string program = volume.AddProgram("program");
        Assert.Equal("hello\n", Shell.Script($"{program} hello").Output);

        JsonElement status = daemon.Status();
        foreach (string stage in Stages)
        {
            Assert.True(Stage(status, stage, "count") >= 1, $"{stage}: {status}");
            Assert.True(Stage(status, stage, "p50") > 0, $"{stage}: {status}");
            Assert.True(Stage(status, stage, "p99") <= Stage(status, stage, "max"), $"{stage}: {status}");
        }

        Assert.True(Stage(status, "total", "max") >= Stage(status, "hash", "p50"), $"{status}");
        string text = Shell.Must(Bench.Program, "status", "--state", daemon.State);
        Assert.Contains("\njudged in  p50 ", text, StringComparison.Ordinal);
        Assert.All(Stages.SkipLast(1), stage => Assert.Contains($"\n {stage,-10}p50 ", text, StringComparison.Ordinal));
    }

    static double Stage(JsonElement status, string stage, string key) =>
        status.GetProperty("latency").GetProperty(stage).GetProperty(key).GetDouble();
}
