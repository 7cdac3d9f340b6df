using System.Globalization;
using System.Text;
using ImaHost.Events;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>
/// What this process and the guard are made of stands in the list, whatever the rules say and wherever it lies. As
/// processes wait for a host that replaces another, it does not hash what its predecessor has and what shows no change.
/// </summary>
/// <param name="memory">A file that tells what was entered last, and where.</param>
sealed class OwnFiles(
    ImaEngine engine, RuntimeMeasurements list, SharedState shared, int guardPid, string memory, ILogger log)
{
    /// <summary>Enters it. To be called before the first verdict.</summary>
    public void Enter()
    {
        // A runtime that compiles as it goes keeps its code in a memfd, which is no program of anybody's.
        var own = new RunningFiles(static (_, path) => !path.StartsWith("/memfd:"u8));
        own.Read(Environment.ProcessId);
        own.Read(guardPid);
        using var measurement = new RunningMeasurement(engine, shared, log);
        string? now = Identify(own, measurement);
        if (now != null && now == Recall())
        {
            return;
        }

        long failed = engine.Counters.Failed;
        foreach ((RunningFile file, List<RunningPlace> places) in own.Files)
        {
            _ = measurement.Measure(file, places, isOwn: true);
        }

        if (now != null && engine.Counters.Failed == failed)
        {
            Remember(now);
        }
    }

    /// <summary>What would be entered where, as far as it shows without reading the files; null: not even that.</summary>
    string? Identify(RunningFiles own, RunningMeasurement measurement)
    {
        var lines = new List<string>();
        foreach (List<RunningPlace> places in own.Files.Values)
        {
            using HeldFile? file = measurement.TryOpen(places[0]);
            if (file == null || !file.TryStat(out FileStat stat, out _))
            {
                return null;
            }

            lines.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{stat.DeviceMajor}:{stat.DeviceMinor} {stat.Inode} {stat.Size} {TextOf(stat.Modified)} {TextOf(stat.Changed)}\n"));
        }

        var text = new StringBuilder();
        EngineOptions options = engine.Options;
        _ = text.Append(
            CultureInfo.InvariantCulture, $"{list.Log.Path} {options.Pcr} {options.Template.Name} {options.ImaHash}\n");
        return text.AppendJoin("", lines.Order(StringComparer.Ordinal)).ToString();
    }

    static string TextOf(FileTime time) => string.Create(CultureInfo.InvariantCulture, $"{time.Seconds}.{time.Nanoseconds}");

    string? Recall()
    {
        try
        {
            return File.ReadAllText(memory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What cannot be kept is hashed again.</summary>
    void Remember(string now)
    {
        try
        {
            File.WriteAllText(memory, now);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            EngineLog.NotRemembered(log, memory, e.Message);
        }
    }
}
