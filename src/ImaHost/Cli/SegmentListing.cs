using System.Globalization;
using System.Text.Json.Serialization;
using ImaHost.Crypto;
using ImaHost.Segments;

namespace ImaHost.Cli;

/// <summary>What <c>imahost segments list</c> shows: what manifests say, without reading the segments.</summary>
static class SegmentListing
{
    public static IEnumerable<SegmentReport> Of(string directory)
    {
        using var digests = new DigestSet();
        LogExtent end = default;
        IReadOnlyList<SealedSegment> chain = SealedChain.Read(directory, digests, out SealedChain walked);
        foreach (Manifest manifest in chain.Select(one => one.Manifest))
        {
            end = manifest.End;
            yield return new SegmentReport(
                manifest.Segment, File.Exists(SegmentFiles.Data(directory, manifest.Segment)) ? "sealed" : "erased",
                manifest.FirstEntry, manifest.Entries, manifest.Bytes,
                manifest.Time.ToString("u", CultureInfo.InvariantCulture), manifest.Quote != null, []);
        }

        foreach (int number in SegmentFiles.Numbers(directory).Where(number => number >= chain.Count))
        {
            var file = new FileInfo(SegmentFiles.Data(directory, number));
            IReadOnlyList<string> problems = number == chain.Count && walked.Damaged is { } damaged
                ? [$"{Path.GetFileName(damaged)} does not follow the manifest before it, or the segment has not the length that it says"]
                : [];
            yield return new SegmentReport(
                number, "open", number == chain.Count ? end.Entries : -1, 0, file.Exists ? file.Length : 0, null, false, problems);
        }
    }

    public static string Line(SegmentReport report, bool verifies)
    {
        string what = string.Create(CultureInfo.InvariantCulture, $"{report.Segment,8}  {report.State,-7}  ")
            + (report.State == "open" && report.Entries == 0
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(report.FirstEntry < 0 ? "" : $"from entry {report.FirstEntry}, ")}{report.Bytes} bytes")
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"entries {report.FirstEntry} to {report.FirstEntry + report.Entries - 1}, {report.Bytes} bytes"))
            + (report.Sealed == null ? "" : $", {report.Sealed}") + (report.Quoted ? ", quoted" : "");
        what += string.Concat(report.Notes.Select(note => $" ({note})"));
        return report.Problems.Count > 0 ? $"{what}: {string.Join("; ", report.Problems)}"
            : verifies && report.State == "sealed" ? $"{what}: verified"
            : what;
    }
}

/// <summary>What became of a segment that was to be erased.</summary>
/// <param name="Warning">What nobody can verify any more.</param>
sealed record ErasedLine(int Segment, long FirstEntry, long Entries, long Bytes, string Warning);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SegmentReport))]
[JsonSerializable(typeof(ErasedLine))]
sealed partial class SegmentsJson : JsonSerializerContext;
