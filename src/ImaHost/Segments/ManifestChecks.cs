using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Segments;

/// <summary>What a manifest says, held against the one before it and against the bytes that it is about.</summary>
static class ManifestChecks
{
    /// <summary>Is it that of a first segment, if it says so?</summary>
    public static IEnumerable<string> OfFirst(Manifest manifest)
    {
        if (manifest.Segment == 0
            && (manifest.Previous != null || manifest.Start != default || manifest.PcrsBefore.Values.Any(bank => bank.Count > 0)))
        {
            yield return "manifest: it is not that of a first segment";
        }
    }

    /// <summary>Does it begin where the one before it ends?</summary>
    public static IEnumerable<string> OfPlace(Manifest manifest, Manifest before)
    {
        if (manifest.Start != before.End || manifest.List != before.List || manifest.Pcr != before.Pcr)
        {
            yield return $"manifest: it does not begin where segment {before.Segment} ends";
        }

        if (!PcrTables.AreSame(manifest.PcrsBefore, before.PcrsAfter))
        {
            yield return $"manifest: the PCRs before it are not those after segment {before.Segment}";
        }
    }

    /// <summary>Do the entries lead from the PCRs before the segment to those after it, and are they as many as it says?</summary>
    /// <param name="reader">At the beginning of the segment.</param>
    /// <param name="entries">So many are read; null: all to the end, of which the segment is made.</param>
    public static IEnumerable<string> OfEntries(Manifest manifest, LogReader reader, long? entries, DigestSet digests)
    {
        var replay = new SegmentReplay(
            PcrTables.Read(manifest.PcrsBefore, digests), manifest.KernelEntries > 0, manifest.ReadPadded(), digests);
        string? damage = null;
        long first = reader.Offset;
        try
        {
            _ = replay.Take(reader, entries ?? long.MaxValue);
        }
        catch (RecordException e)
        {
            damage = e.Message;
        }

        return damage != null ? [damage] : Compare(replay, reader.End - first, manifest);
    }

    static List<string> Compare(SegmentReplay replay, long bytes, Manifest manifest)
    {
        var problems = new List<string>();
        if (replay.Extent.Entries != manifest.Entries)
        {
            problems.Add($"it has {replay.Extent.Entries} entries, not {manifest.Entries}");
        }

        if (bytes != manifest.Bytes || replay.Extent.AsciiBytes != manifest.AsciiBytes
            || replay.Violations != manifest.Violations || replay.KernelEntries != manifest.KernelEntries)
        {
            problems.Add("the manifest counts other bytes, violations or kernel's entries than it has");
        }

        PcrTable after = PcrTables.Of(replay.Pcrs);
        if (PcrTables.Difference(after, manifest.PcrsAfter) is var (bank, pcr, told))
        {
            problems.Add($"PCR {pcr} of {bank} is {after[bank][pcr]} after it, not {told ?? "unknown"}");
        }
        else if (problems.Count == 0 && !PcrTables.AreSame(after, manifest.PcrsAfter))
        {
            problems.Add("the manifest tells of other PCRs than it extends");
        }

        return problems;
    }
}
