using BenchmarkDotNet.Attributes;

namespace ImaHost.Benchmarks;

/// <summary>A decision by 1,000 rules, of which the last one matches, or none.</summary>
public class PolicyBenchmarks
{
    Scenario? _scenario;

    public static IEnumerable<string> Names => Scenarios.Names;

    [ParamsSource(nameof(Names))]
    public string Rules { get; set; } = "";

    [Params("last", "none")]
    public string Matches { get; set; } = "";

    [GlobalSetup]
    public void Read() => _scenario = Scenarios.Make(Rules, Matches == "last");

    [Benchmark]
    public void Match() => _scenario!.Match();

    [Benchmark]
    public void Ask() => _scenario!.Ask();
}
