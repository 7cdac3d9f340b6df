using System.Diagnostics;
using System.Globalization;

namespace ImaHost.Benchmarks;

/// <summary>What one call takes, over several rounds.</summary>
/// <param name="Bytes">Allocated by all calls of all rounds.</param>
readonly record struct Timing(double Median, double Lowest, double Highest, long Bytes)
{
    static readonly TimeSpan Round = TimeSpan.FromMilliseconds(30);

    public static Timing Of(Action<int> repeat, int rounds)
    {
        int count = Calibrate(repeat);
        double[] samples = new double[rounds];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            repeat(count);
            samples[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
        }

        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Array.Sort(samples);
        return new Timing(samples[rounds / 2], samples[0], samples[^1], bytes);
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Median:n0} ({Lowest:n0} to {Highest:n0})");

    /// <summary>So many calls that a round takes long enough to be measured; the calls before warm it up.</summary>
    static int Calibrate(Action<int> repeat)
    {
        for (int count = 1; ; count *= 2)
        {
            long start = Stopwatch.GetTimestamp();
            repeat(count);
            if (Stopwatch.GetElapsedTime(start) > Round)
            {
                return count;
            }
        }
    }
}
