using System.Diagnostics;
using System.Globalization;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Benchmarks;

/// <summary>What an index of 1,000,000 digests costs: bytes, and the time of each thing that is done with it.</summary>
sealed class ReferenceCapacity
{
    const int Digests = 1_000_000;
    const int Packages = 2_000;
    const int Small = 100;
    const int Rounds = 15;

    /// <summary>To /proc/self/clear_refs: VmHWM begins anew, see proc(5).</summary>
    const string ResetPeak = "5";

    const long MostBytes = 48_000_000;
    const double MostOpenMilliseconds = 50;
    const double MostLookupNanoseconds = 1_000;

    static readonly string[] Columns =
        ["lists", "index, bytes", "built, s", "opened, ms", "one small list changed, ms", "hit, ns", "miss, ns", "memory while built, MB"];

    readonly List<string> _faults = [];

    /// <param name="results">The file that gets the table.</param>
    /// <returns>1: something is larger or slower than it should be.</returns>
    public static int Run(string results)
    {
        var capacity = new ReferenceCapacity();
        string[] rows =
        [
            capacity.Measure($"1 of {Digests:n0}", place => place.WriteList("all", 0, Digests)),
            capacity.Measure($"{Packages:n0} of packages, {Digests / Packages} each", WritePackages),
        ];
        string intro = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "reference.md"));
        string[] table = [Row(Columns), Row(Columns.Select(_ => "---:")), .. rows];
        File.WriteAllText(results, intro + string.Join('\n', table) + "\n");
        Console.Write(string.Join('\n', table) + "\n");
        capacity._faults.ForEach(Console.Error.WriteLine);
        return capacity._faults.Count == 0 ? 0 : 1;
    }

    static void WritePackages(ReferencePlace place)
    {
        for (int package = 0; package < Packages; package++)
        {
            place.WritePackage(package * (Digests / Packages), Digests / Packages);
        }
    }

    string Measure(string lists, Action<ReferencePlace> write)
    {
        using var place = new ReferencePlace();
        write(place);
        long before = Resident("VmRSS:");
        File.WriteAllText("/proc/self/clear_refs", ResetPeak);
        double build = Milliseconds(() => new ReferenceStore(place.Settings).Refresh());
        long memory = Resident("VmHWM:") - before;
        long bytes = new FileInfo(place.Settings.IndexPath).Length;
        double open = Median(() => Milliseconds(() => new ReferenceStore(place.Settings).Open()));
        int first = 2 * Digests;
        double change = Median(() =>
        {
            place.WriteList("small", first, Small);
            first += Small;
            return Milliseconds(() => new ReferenceStore(place.Settings).Refresh());
        });
        var store = new ReferenceStore(place.Settings);
        _ = store.Open();
        double hit = Nanoseconds(store.Current, ReferencePlace.Shuffled(0, Digests), isThere: true);
        double miss = Nanoseconds(store.Current, ReferencePlace.Shuffled(4 * Digests, Digests), isThere: false);
        Check(lists, "bytes", bytes, MostBytes);
        Check(lists, "ms to open", open, MostOpenMilliseconds);
        Check(lists, "ns of a hit", hit, MostLookupNanoseconds);
        Check(lists, "ns of a miss", miss, MostLookupNanoseconds);
        return Row([lists, .. ((double[])[bytes, build / 1000, open, change, hit, miss, memory / 1e6]).Select(
            value => value.ToString(value < 100 ? "n1" : "n0", CultureInfo.InvariantCulture))]);
    }

    void Check(string lists, string what, double value, double most)
    {
        if (value > most)
        {
            _faults.Add(string.Create(CultureInfo.InvariantCulture, $"{lists}: {value:n0} {what}, the most is {most:n0}"));
        }
    }

    /// <summary>The mean over all digests, once each; the median of the rounds.</summary>
    static double Nanoseconds(ReferenceIndex index, Digest[] digests, bool isThere) => Median(() =>
    {
        int found = 0;
        double time = Milliseconds(() =>
        {
            foreach (ref readonly Digest digest in digests.AsSpan())
            {
                found += index.TryFind(in digest, "/usr/bin/a"u8, Vouching.Reference | Vouching.Package, 0, out _) ? 1 : 0;
            }
        });
        return found == (isThere ? digests.Length : 0)
            ? time * 1e6 / digests.Length
            : throw new InvalidOperationException($"{found} digests were found");
    });

    static double Median(Func<double> measure) =>
        Enumerable.Range(0, Rounds).Select(_ => measure()).Order().ElementAt(Rounds / 2);

    static double Milliseconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>A figure of /proc/self/status, bytes: resident memory, pages of mapped files among it.</summary>
    static long Resident(string name)
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}
