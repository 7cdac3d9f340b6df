using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tpm;
using Microsoft.Win32.SafeHandles;
using static System.FormattableString;

namespace ImaHost.Cli;

/// <summary>
/// The manifests of segments that came with evidence: each follows the one before, or the base; is about its part of the
/// list, as far as that is here; and was signed by the trusted key if it was signed, with PCRs to which the list leads.
/// </summary>
/// <param name="trusted">The key.</param>
/// <param name="place">Which part of the list is here.</param>
/// <param name="known">The base, or null.</param>
/// <param name="quoted">What the PCRs held at the end of the list.</param>
sealed class EvidenceManifests(string directory, QuoteKey trusted, EvidencePlace place, TrustedBase? known, PcrTable quoted)
    : IDisposable
{
    /// <summary>Longer than any, however many PCRs and banks there are.</summary>
    const int MostBytes = 1 << 20;

    const string Here = "describes its part of the list and follows the manifest before it";
    const string Erased = "follows the manifest before it; the entries that it is about are not here";

    readonly DigestSet _digests = new();
    readonly SafeFileHandle _list = File.OpenHandle(Path.Combine(directory, EvidenceFiles.Binary));
    Manifest? _before;
    string? _previous;

    /// <summary>The first entry that a manifest is about whose entries are here.</summary>
    long _held = long.MaxValue;

    /// <summary>The files that are looked at.</summary>
    public static IEnumerable<string> NamesIn(string directory) => NumbersIn(directory).Select(NameOf);

    public IEnumerable<QuoteCheck> Run()
    {
        IReadOnlyList<int> numbers = NumbersIn(directory);
        foreach (int number in numbers)
        {
            string name = NameOf(number);
            string claim = Here;
            string? fault = Check(number, ref claim) ?? (number == numbers[^1] ? CheckEnd() : null);
            yield return new QuoteCheck(name, claim, fault == null ? null : $"{name} {fault}");
        }

        if (known != null && known.Manifest.End.Entries > place.FirstEntry)
        {
            bool isHeld = _held == place.FirstEntry && numbers.Contains(known.Manifest.Segment);
            yield return new QuoteCheck(
                EvidenceFiles.Binary, "is held by manifests up to the base",
                isHeld ? null : Invariant($"{EvidenceFiles.Binary} begins with entry {place.FirstEntry}, before the end of the base, and no manifests hold it up to there"));
        }
    }

    public void Dispose()
    {
        _list.Dispose();
        _digests.Dispose();
    }

    static IReadOnlyList<int> NumbersIn(string directory) => SegmentFiles.Numbers(Path.Combine(directory, EvidenceFiles.Segments));

    static string NameOf(int number) => SegmentFiles.Manifest(EvidenceFiles.Segments, number);

    string? Check(int number, ref string claim)
    {
        string path = Path.Combine(directory, NameOf(number));
        if (!FileStat.TryOfPath(path, out FileStat stat) || !stat.IsRegular || stat.Size > MostBytes)
        {
            return "is no manifest";
        }

        byte[] bytes = File.ReadAllBytes(path);
        string digest = _digests.Hash(HashAlgorithm.Sha256, bytes).ToString();
        if (known != null && number == known.Manifest.Segment + 1)
        {
            (_before, _previous) = (known.Manifest, known.Digest);
        }

        try
        {
            var manifest = Manifest.Read(bytes);
            string? fault = FaultOfPlace(manifest, number, digest) ?? FaultOfBytes(manifest, ref claim) ?? FaultOfQuote(manifest, ref claim);
            _before = manifest;
            return fault;
        }
        catch (ManifestException e)
        {
            _before = null;
            return e.Message;
        }
        finally
        {
            _previous = digest;
        }
    }

    /// <summary>Before the base it is held by those that follow, each of which names the one before it.</summary>
    string? FaultOfPlace(Manifest manifest, int number, string digest)
    {
        bool isFree = number == 0 || (known != null && number <= known.Manifest.Segment && _previous == null);
        return manifest.Segment != number ? $"is that of segment {manifest.Segment}"
            : known != null && number == known.Manifest.Segment && digest != known.Digest ? "is another than the base"
            : !isFree && (_before == null || _before.Segment != number - 1)
                ? $"follows segment {number - 1}, whose manifest is missing or is none"
            : !isFree && manifest.Previous != _previous ? "does not follow the manifest before it"
            : ManifestChecks.OfFirst(manifest).FirstOrDefault()
                ?? (_before == null ? null : ManifestChecks.OfPlace(manifest, _before).FirstOrDefault());
    }

    string? FaultOfBytes(Manifest manifest, ref string claim)
    {
        long offset = manifest.FirstByte - place.FirstByte;
        if (offset < 0 && manifest.End.BinaryBytes <= place.FirstByte)
        {
            claim = Erased;
            return manifest.End.Entries > place.FirstEntry
                || (manifest.End.BinaryBytes == place.FirstByte) != (manifest.End.Entries == place.FirstEntry)
                    ? Invariant($"ends with entry {manifest.End.Entries - 1}, and {EvidenceFiles.Binary} does not begin behind it")
                    : null;
        }

        if (offset < 0 || manifest.End.BinaryBytes - place.FirstByte > RandomAccess.GetLength(_list)
            || (offset == 0) != (manifest.FirstEntry == place.FirstEntry))
        {
            return Invariant($"is of the bytes {manifest.FirstByte} to {manifest.End.BinaryBytes - 1} from entry {manifest.FirstEntry} on, and {EvidenceFiles.Binary} does not have them so");
        }

        _held = Math.Min(_held, manifest.FirstEntry);
        return DigestOf(offset, manifest.Bytes) != manifest.Digest ? $"is of other bytes than {EvidenceFiles.Binary} has there"
            : ManifestChecks.OfEntries(manifest, ReaderAt(manifest.Start), manifest.Entries, _digests).FirstOrDefault();
    }

    string? FaultOfQuote(Manifest manifest, ref string claim)
    {
        if (manifest.Quote == null)
        {
            return null;
        }

        if (SignedManifest.Fault(manifest, trusted, _digests) is { } unsigned)
        {
            return $"is not signed: {unsigned}";
        }

        IEnumerable<LogReader> following = manifest.End.BinaryBytes >= place.FirstByte ? [ReaderAt(manifest.End)] : [];
        string? fault = FollowedQuote.Fault(manifest, following, _digests, out string? note);
        claim = note == null ? claim : $"{claim}; {note}";
        return fault;
    }

    /// <summary>The last one leads, with what follows it, to what the TPM has quoted of the whole list.</summary>
    string? CheckEnd()
    {
        if (_before == null || _before.End.BinaryBytes < place.FirstByte)
        {
            return null;
        }

        SegmentReplay replay = FollowedQuote.After(_before, _digests);
        _ = replay.Take(ReaderAt(_before.End), long.MaxValue);
        PcrTable led = PcrTables.Of(replay.Pcrs);
        return PcrTables.Difference(led, quoted) is var (bank, pcr, found)
            ? $"leads with what follows it to PCR {pcr} of {bank} {led[bank][pcr]}, and the TPM has quoted {found ?? "no such PCR"}"
            : null;
    }

    LogReader ReaderAt(LogExtent at)
    {
        var reader = new LogReader((buffer, offset) => RandomAccess.Read(_list, buffer, offset));
        reader.Seek(at.BinaryBytes - place.FirstByte, at.Entries);
        return reader;
    }

    /// <summary>Of the part of the list that it is about.</summary>
    string DigestOf(long offset, long bytes)
    {
        const int chunkBytes = 1 << 18;
        EvpDigest context = _digests[HashAlgorithm.Sha256];
        context.Reset();
        byte[] chunk = new byte[chunkBytes];
        long done = 0;
        for (int got; (got = RandomAccess.Read(_list, chunk.AsSpan(0, (int)Math.Min(bytes - done, chunkBytes)), offset + done)) > 0; done += got)
        {
            context.Update(chunk.AsSpan(0, got));
        }

        byte[] digest = new byte[HashAlgorithm.Sha256.Size];
        context.Finish(digest);
        return new Digest(HashAlgorithm.Sha256, digest).ToString();
    }
}
