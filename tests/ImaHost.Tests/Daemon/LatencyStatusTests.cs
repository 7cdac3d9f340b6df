using ImaHost.Daemon;
using ImaHost.Engine;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class LatencyStatusTests
{
    [Fact]
    public void Times_are_microseconds_rounded_up_to_tenths()
    {
        var times = new LatencyHistogram();
        times.Record(101);
        times.Record(123_456_789);
        Assert.Equal(new StageStatus(2, 0.2, 123_456.8, 123_456.8, 123_456.8), StageStatus.Of(times));
        Assert.Equal(new StageStatus(0, 0, 0, 0, 0), StageStatus.Of(new LatencyHistogram()));
    }

    [Fact]
    public void Each_stage_stands_in_its_own_place()
    {
        var latency = new EngineLatency();
        using var scratch = new Scratch();
        _ = latency.Start(scratch, 0);
        foreach (JudgingStage stage in Enum.GetValues<JudgingStage>())
        {
            scratch.Times![stage].Record(1000 * (1 + (int)stage));
        }

        var status = LatencyStatus.Of(latency);
        Assert.Equal(
            [1, 2, 3, 4, 5],
            new[] { status.Policy, status.Hash, status.Store, status.Appraise, status.Total }.Select(stage => stage.Max));
    }
}
