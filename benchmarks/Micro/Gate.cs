using System.Globalization;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace ImaHost.Benchmarks;

/// <summary>What must hold of the figures on any machine.</summary>
static class Gate
{
    /// <summary>The category of what no access passes: it may allocate.</summary>
    public const string OffPath = "off the path";

    /// <summary>The category of what enters new content: the list's index grows, by less than a byte for each entry.</summary>
    public const string Grows = "grows the list";

    /// <summary>The most that a realistic question may take: five times what it should, as machines differ.</summary>
    const double MostNanoseconds = 5 * 2000;

    /// <summary>The category of looking up a digest.</summary>
    public const string LooksUp = "looks up";

    /// <summary>Five times what it should, too.</summary>
    const double MostLookupNanoseconds = 5 * 1000;

    /// <summary>Why the results are not acceptable, one line each.</summary>
    public static IEnumerable<string> FaultsOf(Summary summary)
    {
        foreach (string error in summary.ValidationErrors.Where(error => error.IsCritical).Select(error => error.Message))
        {
            yield return error;
        }

        foreach (BenchmarkCase one in summary.BenchmarksCases)
        {
            if (WhyNot(one, summary[one]) is { } why)
            {
                yield return $"{one.Descriptor.DisplayInfo} {one.Parameters.DisplayInfo}: {why}";
            }
        }
    }

    static string? WhyNot(BenchmarkCase one, BenchmarkReport? report)
    {
        if (report?.ResultStatistics is not { } times)
        {
            return "it did not run; artifacts/micro.log beside the program says why";
        }

        long bytes = report.GcStats.GetBytesAllocatedPerOperation(one) ?? 0;
        long most = one.Descriptor.HasCategory(OffPath) ? long.MaxValue : one.Descriptor.HasCategory(Grows) ? 1 : 0;
        return bytes > most ? $"it allocates {bytes} bytes for each operation, where at most {most} may be allocated"
            : one.Descriptor.HasCategory(LooksUp) && times.Median > MostLookupNanoseconds
                ? string.Create(
                    CultureInfo.InvariantCulture, $"it takes {times.Median:n0} ns, the most is {MostLookupNanoseconds:n0}")
            : IsRealistic(one) && times.Median > MostNanoseconds
                ? string.Create(
                    CultureInfo.InvariantCulture, $"it takes {times.Median:n0} ns, the most is {MostNanoseconds:n0}")
            : null;
    }

    static bool IsRealistic(BenchmarkCase one) =>
        one.Parameters[nameof(PolicyBenchmarks.Rules)] is string rules && Scenarios.IsRealistic(rules);
}
