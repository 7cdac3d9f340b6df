using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using ImaHost.Benchmarks;

// Micro RESULTS [CLASS]...: measures what the parts of one access take, writes the tables into that file, and fails when a
// part that every access passes allocates, or a decision takes far longer than it should. Micro reference RESULTS: what an
// index of 1,000,000 reference digests costs.
// Micro long-list RESULTS ENTRIES DIRECTORY: what a list of so many entries takes.
// Micro many-segments RESULTS SEGMENTS DIRECTORY: what a list of so many segments takes.
if (args.Length < 1)
{
    Console.Error.WriteLine("usage: Micro RESULTS [CLASS]...");
    Console.Error.WriteLine("       Micro reference RESULTS");
    return 2;
}

if (args is ["reference", var results])
{
    return ReferenceCapacity.Run(results);
}

if (args is ["long-list", { } into, { } entries, { } directory])
{
    return LongList.Run(into, long.Parse(entries, System.Globalization.CultureInfo.InvariantCulture), directory) ? 0 : 1;
}

if (args is ["many-segments", { } file, { } segments, { } place])
{
    return ManySegments.Run(file, int.Parse(segments, System.Globalization.CultureInfo.InvariantCulture), place) ? 0 : 1;
}

Type[] all =
[
    typeof(HashBenchmarks), typeof(TemplateBenchmarks), typeof(PolicyBenchmarks), typeof(AppendBenchmarks), typeof(TpmBenchmarks),
    typeof(ViewBenchmarks), typeof(AccessBenchmarks), typeof(SignatureBenchmarks), typeof(ReferenceBenchmarks),
    typeof(DecisionBenchmarks),
];
Measuring.HoldFinalizers();
var summaries = new List<Summary>();
string artifacts = Path.Combine(AppContext.BaseDirectory, "artifacts");
_ = Directory.CreateDirectory(artifacts);
using (var log = new StreamWriter(Path.Combine(artifacts, "micro.log")))
{
    foreach (Type type in all.Where(type => args.Length == 1 || args.Contains(type.Name)))
    {
        Console.WriteLine(type.Name);
        summaries.Add(BenchmarkRunner.Run(type, Measuring.Config(artifacts, log)));
    }
}

Report.Write(args[0], summaries);
string[] faults = [.. summaries.SelectMany(Gate.FaultsOf)];
foreach (string fault in faults)
{
    Console.Error.WriteLine(fault);
}

return faults.Length == 0 ? 0 : 1;
