using System.Diagnostics;
using System.Globalization;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.Benchmarks;

/// <summary>A list of ten thousand segments, which are short: what each of them costs, whatever it holds.</summary>
static class ManySegments
{
    const int PerSegment = 4;

    /// <summary>Segments whose sealing is taken together, after as many as have warmed up.</summary>
    const int Share = 200;
    const int FirstMeasured = 10;
    const long MostAnonymous = 64 << 20;
    const int MostDescriptors = 200;
    const double MostRatio = 1.5;

    /// <returns>False when a goal is missed.</returns>
    public static bool Run(string results, int segments, string parent)
    {
        string directory = Path.Combine(parent, $"imahost-many-{Guid.NewGuid():n}");
        ListSettings settings = new([], 10, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, TpmMayBeNew: false)
        {
            Limits = new SegmentLimits(PerSegment, long.MaxValue),
        };
        try
        {
            Filling filling = Fill(directory, settings, segments);
            return Write(results, segments, filling, Reopen(directory, settings));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <param name="First">Median of sealing one of the first segments, milliseconds.</param>
    /// <param name="Append">Median of appending in the first and the last segments, nanoseconds for each entry, cuts included.</param>
    /// <param name="Anonymous">Most, bytes.</param>
    /// <param name="Descriptors">Most of the process.</param>
    sealed record Filling(double First, double Last, (double First, double Last) Append, long Anonymous, int Descriptors);

    /// <param name="Start">Until the next host has it open, milliseconds.</param>
    /// <param name="View">The first 64 KiB from the middle, as the published file gives them, microseconds; and again.</param>
    /// <param name="Cat">The same as `segments cat` reads.</param>
    sealed record Reopening(
        double Start, (double First, double Again) View, (double First, double Again) Cat, double Verify, int Problems, long Anonymous,
        int Descriptors);

    static Filling Fill(string directory, ListSettings settings, int segments)
    {
        using RuntimeMeasurements list = ListStore.Begin(new StateDirectory(directory), null, settings);
        using var sealer = new ListSealer(list, settings, "bench", quotes: null);
        byte[] data = Samples.Data();
        var seals = new List<double>();
        var appends = new List<double>();
        (long anonymous, int descriptors) = (0, 0);
        for (int segment = 0; segment < segments; segment++)
        {
            long begun = Stopwatch.GetTimestamp();
            for (int one = 0; one < PerSegment; one++)
            {
                Samples.Number(data, ((long)segment * PerSegment) + one);
                _ = list.Add(TemplateDescriptor.ImaSig, data, 10, EntryKind.Measurement);
            }

            appends.Add(Stopwatch.GetElapsedTime(begun).TotalNanoseconds / PerSegment);
            begun = Stopwatch.GetTimestamp();
            _ = sealer.SealClosed();
            seals.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            if (segment % Share == 0)
            {
                (anonymous, descriptors) = (Math.Max(anonymous, Measuring.AnonymousBytes()), Math.Max(descriptors, Descriptors()));
            }
        }

        return new Filling(
            First(seals), Last(seals), (First(appends), Last(appends)), Math.Max(anonymous, Measuring.AnonymousBytes()), descriptors);
    }

    static Reopening Reopen(string directory, ListSettings settings)
    {
        long begun = Stopwatch.GetTimestamp();
        using RuntimeMeasurements list = ListStore.Resume(new StateDirectory(directory), null, settings);
        double start = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        using var digests = new DigestSet();
        var view = new ListView(list.Log, HashAlgorithm.Sha1, ascii: true, digests);
        byte[] buffer = new byte[1 << 16];
        (double, double) shown = (Time(() => view.Read(buffer, view.Size / 2)), Time(() => view.Read(buffer, view.Size / 2)));
        using var bytes = new SegmentBytes(list.Log.Path);
        long middle = list.Log.Extent.BinaryBytes / 2;
        (double, double) read = (Time(() => bytes.Read(buffer, middle)), Time(() => bytes.Read(buffer, middle)));
        begun = Stopwatch.GetTimestamp();
        int problems = new SegmentVerifier(list.Log.Path, 0, digests).Run().Sum(report => report.Problems.Count);
        double verify = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        return new Reopening(start, shown, read, verify, problems, Measuring.AnonymousBytes(), Descriptors());
    }

    static bool Write(string results, int segments, Filling filled, Reopening again)
    {
        double ratio = filled.Last / filled.First;
        bool isMet = ratio <= MostRatio && Math.Max(filled.Anonymous, again.Anonymous) < MostAnonymous && again.Problems == 0
            && Math.Max(filled.Descriptors, again.Descriptors) < MostDescriptors;
        File.WriteAllText(results, string.Create(CultureInfo.InvariantCulture, $"""
            # A list of {segments:N0} segments

            `make bench-segments`: {PerSegment} entries in each, template ima-sig, no TPM, on the disk's filesystem, in one process
            that is compiled at run time; each segment is sealed when it is full. Medians of {Share} segments, from the {FirstMeasured}th
            on and at the end. What several syncs of a disk take varies with whatever else writes to it.

            | | |
            |---|---|
            | sealing, first segments | {filled.First:N2} ms for each |
            | sealing, last segments | {filled.Last:N2} ms for each: {ratio:N2} times as long (at most {MostRatio}) |
            | appending with a cut every {PerSegment} entries, first segments | {filled.Append.First:N0} ns for each entry |
            | appending, last segments | {filled.Append.Last:N0} ns for each entry |
            | anonymous memory, most | {filled.Anonymous / 1048576.0:N1} MiB (at most {MostAnonymous >> 20}) |
            | descriptors of the process, most | {filled.Descriptors} (at most {MostDescriptors}) |
            | the next host has it open after | {again.Start:N0} ms |
            | 64 KiB from the middle of the published ascii list | {again.View.First:N0} µs, again {again.View.Again:N0} µs |
            | 64 KiB from the middle, as `segments cat` reads | {again.Cat.First:N0} µs with a look at the directory, again {again.Cat.Again:N0} µs |
            | `segments verify`, all in all | {again.Verify:N1} s, {again.Problems} problems |
            | anonymous memory after that, descriptors | {again.Anonymous / 1048576.0:N1} MiB, {again.Descriptors} |

            Goals: {(isMet ? "met" : "**missed**")}.

            """));
        return isMet;
    }

    static double Time(Action action)
    {
        long begun = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(begun).TotalMicroseconds;
    }

    static double First(List<double> values) => Median(values.Skip(FirstMeasured).Take(Share));

    static double Last(List<double> values) => Median(values.TakeLast(Share));

    static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
