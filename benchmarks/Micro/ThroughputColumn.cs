using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace ImaHost.Benchmarks;

/// <summary>Megabytes (10^6) in a second, by the median, of a benchmark that has a parameter "Bytes".</summary>
sealed class ThroughputColumn : IColumn
{
    /// <summary>The parameter: how many bytes one operation takes in or gives out.</summary>
    public const string Parameter = nameof(HashBenchmarks.Bytes);

    public string Id => nameof(ThroughputColumn);

    public string ColumnName => "MB/s";

    public bool AlwaysShow => false;

    public ColumnCategory Category => ColumnCategory.Statistics;

    public int PriorityInCategory => 100;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => "megabytes (10^6) in a second, by the median";

    public bool IsAvailable(Summary summary) => summary.BenchmarksCases.Any(HasBytes);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        double? nanoseconds = summary[benchmarkCase]?.ResultStatistics?.Median;
        return nanoseconds != null && HasBytes(benchmarkCase)
            ? string.Create(
                CultureInfo.InvariantCulture, $"{Convert.ToDouble(benchmarkCase.Parameters[Parameter], CultureInfo.InvariantCulture) * 1000 / nanoseconds.Value:n0}")
            : "-";
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    static bool HasBytes(BenchmarkCase benchmarkCase) => benchmarkCase.Parameters.Items.Any(item => item.Name == Parameter);
}
