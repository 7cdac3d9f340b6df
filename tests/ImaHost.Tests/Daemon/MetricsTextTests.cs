using ImaHost.Daemon;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class MetricsTextTests
{
    [Fact]
    public void Open_form_names_a_counter_without_its_suffix_and_ends_in_EOF() => Assert.Equal(
        "# TYPE a counter\n# HELP a Help.\na_total{k=\"v\\\"\\\\\\n\"} 3\n# TYPE g gauge\n# HELP g Help.\ng 0.5\n# EOF\n",
        new MetricsText(isOpen: true).Counters("a", "Help.", (MetricsText.Label("k", "v\"\\\n"), 3)).Gauge("g", "Help.", 0.5).Finish());

    [Fact]
    public void Older_form_names_a_counter_with_it_and_ends_in_nothing() => Assert.Equal(
        "# TYPE a_total counter\n# HELP a_total Help.\na_total 3\n",
        new MetricsText(isOpen: false).Counter("a", "Help.", 3).Finish());

    [Fact]
    public void Distribution_is_told_by_upper_bounds() => Assert.Equal(
        "# TYPE h histogram\n# HELP h Help.\nh_bucket{s=\"x\",le=\"1E-06\"} 1\nh_bucket{s=\"x\",le=\"+Inf\"} 2\nh_sum{s=\"x\"} 1.5\nh_count{s=\"x\"} 2\n# EOF\n",
        new MetricsText(isOpen: true).Histogram("h", "Help.")
            .Distribution("h", "s=\"x\"", [(1e-6, 1), (double.PositiveInfinity, 2)], 1.5).Finish());
}
