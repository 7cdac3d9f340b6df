using System.Globalization;
using System.Text;

namespace ImaHost.Daemon;

/// <summary>
/// Metrics as a text: OpenMetrics 1.0.0, or the older form that the textfile collector of node-exporter reads, in which
/// a counter has its suffix in its name and nothing marks the end.
/// </summary>
sealed class MetricsText(bool isOpen)
{
    readonly StringBuilder _text = new();

    /// <summary>What only grows.</summary>
    /// <param name="name">Without "_total".</param>
    public MetricsText Counter(string name, string help, double value) => Counters(name, help, ("", value));

    /// <summary>Several of one name.</summary>
    /// <param name="samples">Each with its labels, as in <c>outcome="denied"</c>.</param>
    public MetricsText Counters(string name, string help, params ReadOnlySpan<(string Labels, double Value)> samples)
    {
        Head(isOpen ? name : name + "_total", "counter", help);
        foreach ((string labels, double value) in samples)
        {
            Sample(name + "_total", labels, value);
        }

        return this;
    }

    /// <summary>What goes up and down.</summary>
    public MetricsText Gauge(string name, string help, double value, string labels = "")
    {
        Head(name, "gauge", help);
        return Sample(name, labels, value);
    }

    /// <summary>Begins a distribution, whose samples follow.</summary>
    public MetricsText Histogram(string name, string help)
    {
        Head(name, "histogram", help);
        return this;
    }

    /// <param name="buckets">Upper bounds in seconds, and how many there are up to each; the last is infinity.</param>
    /// <param name="sum">Seconds; null: nobody has added them up, and the count is left out with the sum.</param>
    public MetricsText Distribution(
        string name, string labels, IReadOnlyList<(double Bound, double Count)> buckets, double? sum)
    {
        string more = labels.Length == 0 ? "" : labels + ",";
        foreach ((double bound, double count) in buckets)
        {
            Sample(name + "_bucket", $"{more}le=\"{Number(bound)}\"", count);
        }

        return sum is { } seconds
            ? Sample(name + "_sum", labels, seconds).Sample(name + "_count", labels, buckets[^1].Count)
            : this;
    }

    /// <summary>The whole text.</summary>
    public string Finish() => (isOpen ? _text.Append("# EOF\n") : _text).ToString();

    /// <summary>A label's value may be any text.</summary>
    public static string Label(string name, string value) =>
        $"{name}=\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    void Head(string name, string type, string help) =>
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n')
            .Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');

    MetricsText Sample(string name, string labels, double value)
    {
        _ = _text.Append(name);
        _ = labels.Length == 0 ? _text : _text.Append('{').Append(labels).Append('}');
        _ = _text.Append(' ').Append(Number(value)).Append('\n');
        return this;
    }

    static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
