using System.Diagnostics;
using System.Globalization;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.Benchmarks;

/// <summary>A list of ten million entries, sealed meanwhile: what memory it takes, and what the last entries cost.</summary>
static class LongList
{
    /// <summary>Entries whose cost is taken together.</summary>
    const int Window = 10_000;

    /// <summary>The share of the windows at either end that is compared.</summary>
    const int Share = 10;
    const long MostAnonymous = 64 << 20;
    const double MostRatio = 1.2;

    /// <returns>False when a goal is missed.</returns>
    public static bool Run(string results, long entries, string parent)
    {
        string directory = Path.Combine(parent, $"imahost-long-{Guid.NewGuid():n}");
        var settings = new ListSettings([], 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false);
        try
        {
            Figures figures = Fill(directory, settings, entries);
            long begun = Stopwatch.GetTimestamp();
            RuntimeMeasurements again = ListStore.Resume(new StateDirectory(directory), null, settings);
            double resumed = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            string list = again.Log.Path;
            again.Dispose();
            begun = Stopwatch.GetTimestamp();
            using var digests = new DigestSet();
            int problems = new SegmentVerifier(list, 0, digests).Run().Sum(report => report.Problems.Count);
            double verified = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            return Write(results, entries, figures, resumed, verified, problems, Measuring.AnonymousBytes());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <param name="First">Median of the windows at the beginning, nanoseconds for each entry.</param>
    /// <param name="Most">Of anonymous memory, bytes.</param>
    sealed record Figures(double First, double Last, long Most, int Segments, long Bytes);

    static Figures Fill(string directory, ListSettings settings, long entries)
    {
        using RuntimeMeasurements list = ListStore.Begin(new StateDirectory(directory), null, settings);
        using var sealer = new ListSealer(list, settings, "bench", quotes: null);
        bool isOver = false;
        var sealing = new Thread(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                _ = sealer.SealClosed();
                Thread.Sleep(50);
            }
        });
        sealing.Start();
        byte[] data = Samples.Data();
        var costs = new List<double>();
        long most = 0;
        for (long number = 0; number < entries; number += Window)
        {
            long begun = Stopwatch.GetTimestamp();
            for (long one = number; one < number + Window; one++)
            {
                Samples.Number(data, one);
                _ = list.Add(TemplateDescriptor.ImaSig, data, 10, EntryKind.Measurement) == StoreOutcome.Stored
                    ? 0 : throw new IOException(list.Fault ?? "an entry was there");
            }

            costs.Add(Stopwatch.GetElapsedTime(begun).TotalNanoseconds / Window);
            most = Math.Max(most, Measuring.AnonymousBytes());
        }

        Volatile.Write(ref isOver, true);
        sealing.Join();
        sealer.SealAll();
        int share = Math.Max(costs.Count / Share, 1);
        return new Figures(
            Median(costs[..share]), Median(costs[^share..]), most, sealer.Count, list.Log.Extent.BinaryBytes);
    }

    static bool Write(
        string results, long entries, Figures figures, double resumed, double verified, int problems, long anonymous)
    {
        double ratio = figures.Last / figures.First;
        bool isMet = ratio <= MostRatio && figures.Most < MostAnonymous && problems == 0 && anonymous < MostAnonymous;
        File.WriteAllText(results, string.Create(CultureInfo.InvariantCulture, $"""
            # A list of {entries:N0} entries

            `make bench-long-list`: template ima-sig, no TPM, on the disk's filesystem, in one process that is compiled at run
            time; segments are sealed by a second thread meanwhile. Appending is the median of windows of {Window:N0} entries in
            the first and the last tenth of the list.

            | | |
            |---|---|
            | appending, first tenth | {figures.First:N0} ns for each entry |
            | appending, last tenth | {figures.Last:N0} ns for each entry: {ratio:N2} times as long (at most {MostRatio}) |
            | anonymous memory, most | {figures.Most / 1048576.0:N1} MiB (at most {MostAnonymous >> 20}) |
            | segments, bytes | {figures.Segments}, {figures.Bytes / 1048576:N0} MiB |
            | the next host has it open after | {resumed:N0} ms |
            | `segments verify`, all in all | {verified:N1} s, {problems} problems |
            | anonymous memory after that | {anonymous / 1048576.0:N1} MiB |

            Goals: {(isMet ? "met" : "**missed**")}.

            """));
        return isMet;
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
