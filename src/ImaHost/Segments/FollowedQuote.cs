using ImaHost.Crypto;
using ImaHost.Template;
using static System.FormattableString;

namespace ImaHost.Segments;

/// <summary>
/// Does the list lead from the end of a segment to what the quote in its manifest shows? The entries that were extended
/// between are replayed. If so the TPM has held what the manifest says of the PCRs after the segment: there is no other
/// way to the values that it signed.
/// </summary>
static class FollowedQuote
{
    /// <param name="manifest">Its quote is one: <see cref="SignedManifest"/> finds nothing wrong with it.</param>
    /// <param name="following">Readers of what follows the segment, one after the other, as far as it is there.</param>
    /// <param name="note">What cannot be told because entries are missing; null: nothing.</param>
    /// <returns>Where it differs; null: it agrees, or cannot be told.</returns>
    public static string? Fault(Manifest manifest, IEnumerable<LogReader> following, DigestSet digests, out string? note)
    {
        ManifestQuote quote = manifest.Quote!;
        long end = manifest.End.Entries;
        SegmentReplay replay = After(manifest, digests);
        note = null;
        if (!TryReach(replay, following, quote.Entries - end))
        {
            note = Invariant($"its quote was taken after entry {quote.Entries}, and of those that follow the segment only {replay.Extent.Entries} are here: that it leads there cannot be verified any more");
            return null;
        }

        return Difference(quote.Pcrs, replay, Invariant($"after entry {quote.Entries}, when its quote was taken"));
    }

    /// <summary>A replay that begins where the segment ends.</summary>
    public static SegmentReplay After(Manifest manifest, DigestSet digests) => new(
        PcrTables.Read(manifest.PcrsAfter, digests), manifest.KernelEntries == manifest.Entries, manifest.ReadPadded(), digests);

    /// <summary>Where the values that were quoted differ from those that were replayed; null: nowhere.</summary>
    /// <param name="when">For the message.</param>
    public static string? Difference(PcrTable quoted, SegmentReplay replay, string when)
    {
        PcrTable values = PcrTables.Of(replay.Pcrs);
        foreach ((string bank, Dictionary<string, string> pcrs) in quoted)
        {
            if (!values.ContainsKey(bank))
            {
                return $"bank {bank} was quoted {when}, and the manifest has no such bank";
            }

            if (PcrTables.Difference(new PcrTable { [bank] = pcrs }, values) is (_, { } pcr, var found))
            {
                return $"the TPM has quoted PCR {pcr} of {bank} as {pcrs[pcr]} {when}, but the list gives {found ?? "no value"}";
            }
        }

        return null;
    }

    /// <summary>Damage is told where the entry stands.</summary>
    static bool TryReach(SegmentReplay replay, IEnumerable<LogReader> following, long entries)
    {
        try
        {
            foreach (LogReader reader in entries > 0 ? following : [])
            {
                _ = replay.Take(reader, entries - replay.Extent.Entries);
                if (replay.Extent.Entries == entries)
                {
                    break;
                }
            }
        }
        catch (RecordException)
        {
        }

        return replay.Extent.Entries == entries;
    }
}
