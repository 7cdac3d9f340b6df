using System.Text.RegularExpressions;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// Somebody sets the clock. To do that here would set it for the whole machine, so what is shown is that no wait is
/// measured by it.
/// </summary>
[Trait("Kind", "faults")]
public sealed partial class ClockFaultTests
{
    [Fact]
    public void Guard_asks_the_clock_that_can_be_set_once_and_for_no_wait()
    {
        string[] asked = Find("native", "*.c", RealTimeInC());

        Assert.Equal(["start.c: clock_gettime(CLOCK_REALTIME, &time);"], asked);
    }

    /// <summary>
    /// Certificates, lists and packages end at a date, and records of decisions and manifests of segments bear one. A new
    /// file here is looked at first: nothing may wait by that clock.
    /// </summary>
    [Fact]
    public void Host_asks_the_clock_that_can_be_set_only_about_dates()
    {
        string[] asking =
        [
            .. Find("src", "*.cs", RealTimeInCSharp()).Select(line => line.Split(':')[0]).Distinct()
                .Where(file => !File.Exists(Path.Combine(Bench.Repository, "src/ImaHost/Cli", file))),
        ];

        Assert.Equal(
            [
                "Keyring.cs", "KeyringReader.cs", "ReferenceIndexBuilder.cs", "ReferenceStore.cs", "PackageWatcher.cs",
                "VoucherLoader.cs", "DecisionLog.cs", "DecisionWriter.cs", "FileAppraisal.cs", "FileInspection.cs", "Learner.cs",
                "EarlierLists.cs", "ListRetention.cs", "PackageStore.cs", "PolicyKeys.cs", "SegmentSealer.cs",
            ],
            asking);
    }

    /// <returns>The lines, after the names of their files.</returns>
    static string[] Find(string directory, string pattern, Regex what) =>
        [.. Directory.GetFiles(Path.Combine(Bench.Repository, directory), pattern, SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .SelectMany(file => File.ReadLines(file).Where(line => what.IsMatch(line)).Select(line => $"{Path.GetFileName(file)}: {line.Trim()}"))];

    [GeneratedRegex(@"CLOCK_(?!MONOTONIC\b)\w+|\b(time|gettimeofday|timespec_get|ftime)\(|TFD_|alarm\(|setitimer")]
    private static partial Regex RealTimeInC();

    [GeneratedRegex(@"\b(DateTime|DateTimeOffset)\.(Utc)?Now|TimeProvider|DateTime\.Today")]
    private static partial Regex RealTimeInCSharp();
}
