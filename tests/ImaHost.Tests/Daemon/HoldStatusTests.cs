using ImaHost.Daemon;
using ImaHost.Interop;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class HoldStatusTests
{
    [Fact]
    public void Percentiles_of_nothing_are_zero() => Assert.Equal(new HoldStatus(0, 0, 0, 0, 0), Of());

    [Fact]
    public void Percentiles_of_one_hold_are_the_bound_of_its_bucket()
    {
        Assert.Equal(new HoldStatus(1, 8, 8, 8, 8), Of((3, 1)));
        Assert.Equal(new HoldStatus(1, 1, 1, 1, 1), Of((0, 1)));
        Assert.Equal(new HoldStatus(1, 1u << 31, 1u << 31, 1u << 31, 1u << 31), Of((31, 1)));
    }

    [Fact]
    public void Percentiles_fall_where_that_share_of_the_holds_is_reached()
    {
        Assert.Equal(new HoldStatus(100, 16, 16, 16, 1024), Of((4, 99), (10, 1)));
        Assert.Equal(new HoldStatus(100, 16, 16, 1024, 1024), Of((4, 98), (10, 2)));
        Assert.Equal(new HoldStatus(100, 16, 64, 1024, 4096), Of((4, 50), (6, 40), (10, 9), (12, 1)));
        Assert.Equal(new HoldStatus(100, 64, 1024, 4096, 4096), Of((4, 49), (6, 40), (10, 9), (12, 2)));
    }

    static HoldStatus Of(params (int Bucket, ulong Count)[] holds)
    {
        HoldHistogram histogram = default;
        Span<ulong> buckets = histogram;
        foreach ((int bucket, ulong count) in holds)
        {
            buckets[bucket] = count;
        }

        return HoldStatus.From(in histogram);
    }
}
