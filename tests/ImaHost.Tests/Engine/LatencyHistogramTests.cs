using ImaHost.Engine;
using Xunit;

namespace ImaHost.Tests.Engine;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Nothing_recorded_is_zero()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal((0, 0, 0), (histogram.Count, histogram.Percentile(0.5), histogram.Max));
    }

    /// <summary>Beside something longer, so that it is the bound of its bucket that is told and not the maximum.</summary>
    [Fact]
    public void Percentile_is_at_most_a_quarter_over_what_was_recorded_and_never_under()
    {
        for (int power = 0; power < 62; power++)
        {
            foreach (long value in (long[])[1L << power, (1L << power) + (1L << power >> 2), (2L << power) - 1])
            {
                LatencyHistogram histogram = Of(value, long.MaxValue);
                long told = histogram.Percentile(0.5);
                Assert.True(told >= value && (told - value) * 4.0 <= value, $"{value}: {told}");
            }
        }
    }

    [Fact]
    public void Percentiles_of_one_to_a_thousand_are_where_they_should_be()
    {
        LatencyHistogram histogram = Of([.. Enumerable.Range(1, 1000).Select(i => (long)i)]);
        Assert.Equal(1000, histogram.Count);
        Assert.Equal(511, histogram.Percentile(0.5));
        Assert.Equal(1000, histogram.Percentile(0.9));
        Assert.Equal(127, histogram.Percentile(0.12));
        Assert.Equal(1000, histogram.Max);
    }

    [Fact]
    public void One_of_a_hundred_shows_in_the_maximum_and_two_in_the_last_percentile()
    {
        long[] quick = [.. Enumerable.Repeat(100L, 98)];
        Assert.Equal((111, 9000), Tail(Of([.. quick, 100, 9000])));
        Assert.Equal((9000, 9000), Tail(Of([.. quick, 9000, 9000])));
    }

    [Fact]
    public void Extremes_have_a_bucket()
    {
        Assert.Equal(0, Of(0).Percentile(1));
        Assert.Equal(0, Of(-5).Percentile(1));
        Assert.Equal(long.MaxValue, Of(long.MaxValue).Percentile(1));
    }

    [Fact]
    public void Adding_is_as_if_all_had_been_recorded_in_one()
    {
        LatencyHistogram sum = Of(10, 20);
        sum.Add(Of(3000, 40));
        sum.Add(Of());
        LatencyHistogram one = Of(10, 20, 3000, 40);
        Assert.Equal((4, 3000), (sum.Count, sum.Max));
        foreach (double share in (double[])[0.25, 0.5, 0.75, 1])
        {
            Assert.Equal(one.Percentile(share), sum.Percentile(share));
        }
    }

    static (long P99, long Max) Tail(LatencyHistogram histogram) => (histogram.Percentile(0.99), histogram.Max);

    static LatencyHistogram Of(params long[] values)
    {
        var histogram = new LatencyHistogram();
        foreach (long value in values)
        {
            histogram.Record(value);
        }

        return histogram;
    }
}
