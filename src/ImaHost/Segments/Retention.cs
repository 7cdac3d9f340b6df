using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Segments;

/// <summary>Which sealed segments are kept.</summary>
enum RetentionKind
{
    All,
    /// <summary>The latest ones, so many.</summary>
    Keep,
    /// <summary>Those that were sealed no longer ago than so many seconds.</summary>
    Since,
    /// <summary>Those that not everybody has had who gets them.</summary>
    Exported,
}

/// <summary>What is erased, and what is not.</summary>
sealed record Retention(RetentionKind Kind, long Limit = 0)
{
    public static Retention All { get; } = new(RetentionKind.All);

    /// <summary>
    /// The sealed segments of a list that need not be kept: from the first on, without a gap. None of them is one that
    /// somebody still waits for, whatever the rule says.
    /// </summary>
    /// <param name="missing">The first segment that an export or a hook has not had; null: nobody gets any.</param>
    /// <param name="extended">The entries that the TPM has had: what it lacks must be there to be extended.</param>
    public IReadOnlyList<SealedSegment> Find(IReadOnlyList<SealedSegment> segments, int? missing, long extended, DateTime now)
    {
        IEnumerable<SealedSegment> found = Kind switch
        {
            RetentionKind.All => [],
            RetentionKind.Keep => segments.Take((int)Math.Max(segments.Count - Limit, 0)),
            RetentionKind.Since => segments.TakeWhile(one => (now - one.Manifest.Time).TotalSeconds > Limit),
            RetentionKind.Exported => missing == null ? [] : segments,
            _ => throw new InvalidOperationException($"retention {Kind}"),
        };
        return [.. found.TakeWhile(
            one => one.Manifest.Segment < (missing ?? int.MaxValue) && one.Manifest.End.Entries <= extended)];
    }

    /// <summary>The rule for a list that so many sealed segments of later lists follow.</summary>
    public Retention Before(int later) => Kind == RetentionKind.Keep ? this with { Limit = Math.Max(Limit - later, 0) } : this;

    /// <summary>
    /// The entries that a TPM is known to have had, for one who cannot ask it: up to the last manifest that says so. All of
    /// them where no manifest tells of a TPM: none was extended or quoted, and the banks are those that are told without one.
    /// </summary>
    public static long ExtendedOf(IReadOnlyList<SealedSegment> segments)
    {
        bool hasTpm = segments.Any(one => one.Manifest.Extended || one.Manifest.Quote != null
            || !one.Manifest.PcrsAfter.Keys.ToHashSet().SetEquals(PcrTables.WithoutTpm.Select(bank => bank.Name)));
        return hasTpm ? segments.LastOrDefault(one => one.Manifest.Extended)?.Manifest.End.Entries ?? 0 : long.MaxValue;
    }
}

/// <summary>A segment whose bytes are gone.</summary>
/// <param name="Warning">What nobody can verify any more.</param>
sealed record ErasedSegment(int Segment, long FirstEntry, long Entries, long Bytes, string Warning);

/// <summary>Erases the bytes of sealed segments. Manifests stay, and the keys of the entries of a list that goes on.</summary>
static class SegmentEraser
{
    /// <summary>Erases what a rule gives up of a list that no host writes now, and that may go on in this boot.</summary>
    /// <param name="chain">Its sealed segments.</param>
    /// <param name="missing">The first segment that somebody has not had who gets them; null: nobody does.</param>
    /// <param name="boot">The boot that runs: in it a host may take the list up again, and look its entries up.</param>
    /// <inheritdoc cref="Erase"/>
    public static IEnumerable<ErasedSegment> EraseBy(
        Retention retention, string list, IReadOnlyList<SealedSegment> chain, int? missing, string boot, DateTime now, DigestSet digests)
    {
        bool mayGoOn = ListsByName.BootOf(list) == boot || (chain.Count > 0 && chain[^1].Manifest.BootId == boot);

        // What was not extended before the machine went down never will be.
        long extended = mayGoOn ? Retention.ExtendedOf(chain) : long.MaxValue;
        return retention.Find(chain, missing, extended, now)
            .Where(one => File.Exists(SegmentFiles.Data(list, one.Manifest.Segment)))
            .Select(one => Erase(list, one, mayGoOn, digests));
    }

    /// <param name="keepsKeys">The list may go on: what was measured once is not measured again.</param>
    /// <exception cref="IOException">The disk refused it: it can be tried again.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be changed.</exception>
    /// <exception cref="RecordException">The segment is damaged: it stays.</exception>
    public static ErasedSegment Erase(string directory, SealedSegment segment, bool keepsKeys, DigestSet digests)
    {
        Manifest manifest = segment.Manifest;
        string data = SegmentFiles.Data(directory, manifest.Segment);
        if (keepsKeys && File.Exists(data))
        {
            using var bytes = new SegmentData(data, manifest.Start);
            WriteKeys(SegmentFiles.Keys(directory, manifest.Segment), bytes, digests);
        }

        if (File.Exists(data))
        {
            // When a list began is told by the times of its first files: see ListsByName.
            File.SetLastWriteTimeUtc(SegmentFiles.Manifest(directory, manifest.Segment), File.GetLastWriteTimeUtc(data));
        }

        File.Delete(data);
        DurableFile.SyncDirectory(directory);
        return new ErasedSegment(manifest.Segment, manifest.FirstEntry, manifest.Entries, manifest.Bytes, Warn(manifest));
    }

    /// <summary>Half a file of keys would only take room of a disk that has none.</summary>
    static void WriteKeys(string path, SegmentData bytes, DigestSet digests)
    {
        try
        {
            EntryKeys.Write(path, bytes, digests);
        }
        catch (IOException)
        {
            File.Delete(path + ".new");
            throw;
        }
    }

    /// <summary>
    /// A quote vouches for what the PCRs held after the segment, where what follows leads to it. Which entries led there only
    /// their bytes can show.
    /// </summary>
    static string Warn(Manifest manifest) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(manifest.Quote != null ? "a TPM's key has signed its manifest, which does not prove it" : "no TPM has signed its manifest")}: unless a copy is kept elsewhere nobody can verify any more that the entries {manifest.FirstEntry} to {manifest.FirstEntry + manifest.Entries - 1} led to what PCR {manifest.Pcr} held after them");
}
