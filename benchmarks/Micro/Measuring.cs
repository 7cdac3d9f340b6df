using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace ImaHost.Benchmarks;

/// <summary>How everything here is measured: see docs/decisions/0023-micro-benchmarks.md.</summary>
static class Measuring
{
    /// <summary>Short, so that all of it takes less than three minutes.</summary>
    static readonly Job Short = Job.Default
        .WithToolchain(InProcessEmitToolchain.Instance)
        .WithWarmupCount(2)
        .WithIterationCount(9)
        .WithIterationTime(TimeInterval.FromMilliseconds(50));

    /// <summary>
    /// In one process with the benchmarks, the runtime's own finalizers allocate 2 KB while bytes are counted. What
    /// BenchmarkDotNet's tests set against that makes the count exact.
    /// </summary>
    public static void HoldFinalizers()
    {
        const string name = "BENCHMARKDOTNET_UNITTEST_BLOCK_FINALIZER_FOR_MEMORYDIAGNOSER";
        Environment.SetEnvironmentVariable(name, $"{name}_ACTIVE");
    }

    /// <param name="artifacts">A directory that BenchmarkDotNet may write to.</param>
    /// <param name="log">Gets everything it says.</param>
    public static IConfig Config(string artifacts, StreamWriter log) => ManualConfig.CreateEmpty()
        .AddJob(Short)
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params)
        .AddColumn(StatisticColumn.Median, StatisticColumn.Min, StatisticColumn.Max, new ThroughputColumn())
        .AddColumnProvider(DefaultColumnProviders.Metrics)
        .AddLogger(new StreamLogger(log))
        .WithOrderer(new DefaultOrderer(SummaryOrderPolicy.Declared))
        .WithOptions(ConfigOptions.DisableLogFile)
        .WithArtifactsPath(artifacts);

    /// <summary>Of this process, now.</summary>
    public static long AnonymousBytes() => 1024 * long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(
            ' ', '\t').First(word => word.Length > 0 && char.IsAsciiDigit(word[0])),
        CultureInfo.InvariantCulture);
}
