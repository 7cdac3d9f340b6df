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

    [Fact]
    public void Host_asks_the_clock_that_can_be_set_only_about_certificates()
    {
        string[] asked = Find("src", "*.cs", RealTimeInCSharp());

        Assert.Equal(["PolicyKeys.cs: public static PolicyKeys Load(IReadOnlyList<string> files) => Load(files, DateTimeOffset.UtcNow);"], asked);
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
