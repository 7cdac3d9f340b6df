using System.Globalization;
using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tpm;

namespace ImaHost.Segments;

/// <summary>
/// Verifies the segments of a list, each alone and all as a chain: bytes, counts, and that what the PCRs held before it
/// leads to what they held after it. Reads each byte once and keeps none, so a list of any length takes the same memory.
/// </summary>
/// <param name="first">The segment to begin with: what its manifest says of the PCRs before it is taken for true.</param>
/// <param name="trusted">The key of the TPM that must have signed each manifest; null: a signature that is there must be sound.</param>
/// <param name="growing">
/// So many segments at the end need no manifest: the one that grows, and where a host runs, whose sealing may lag, the one
/// before it. A signature is asked of that too.
/// </param>
sealed class SegmentVerifier(string directory, int first, DigestSet digests, QuoteKey? trusted = null, int growing = 1)
{
    readonly int _first = first;
    readonly int _growing = trusted == null ? growing : 1;
    const string SealedState = "sealed";

    Manifest? _before;

    /// <summary>Where the segments that are not sealed have led to so far.</summary>
    (LogExtent End, PcrBanks Pcrs)? _open;
    string? _previous;
    int _next;

    /// <summary>So many of the list's first segments are known to be erased and to have left their manifests.</summary>
    int _erased;

    /// <summary>Goes through all segments, in order.</summary>
    public IEnumerable<SegmentReport> Run()
    {
        IReadOnlyList<int> numbers = SegmentFiles.Numbers(directory);
        if (numbers.Count == 0 || numbers[^1] < _first)
        {
            yield return Missing(_first);
            yield break;
        }

        foreach (int number in numbers.Where(number => number >= _first))
        {
            for (_next = Math.Max(_next, _first); _next < number; _next++)
            {
                _before = null;
                yield return Missing(_next);
            }

            _next = number + 1;
            yield return File.Exists(SegmentFiles.Manifest(directory, number)) ? CheckSealed(number)
                : CheckOpen(number, mayBeOpen: number > numbers[^1] - _growing);
        }
    }

    static SegmentReport Missing(int number) =>
        new(number, "missing", 0, 0, 0, null, false, [$"no segment {number}: there is neither a file nor a manifest of this number"]);

    SegmentReport CheckSealed(int number)
    {
        byte[] bytes = File.ReadAllBytes(SegmentFiles.Manifest(directory, number));
        string digest = digests.Hash(HashAlgorithm.Sha256, bytes).ToString();
        var problems = new List<string>();
        Manifest manifest;
        try
        {
            manifest = Manifest.Read(bytes);
            CheckDamaged(number, problems);
            CheckPlace(number, manifest, problems);
            CheckDetached(number, manifest, digest, problems);
            bool isThere = CheckData(number, manifest, problems);
            IReadOnlyList<string> notes = CheckQuote(manifest, problems);
            _before = manifest;
            _previous = digest;
            return new SegmentReport(
                number, isThere ? SealedState : "erased", manifest.FirstEntry, manifest.Entries, manifest.Bytes,
                manifest.Time.ToString("u", CultureInfo.InvariantCulture), manifest.Quote != null, problems)
            {
                Notes = notes,
            };
        }
        catch (ManifestException e)
        {
            _before = null;
            _previous = digest;
            return new SegmentReport(number, SealedState, 0, 0, 0, null, false, [.. problems, $"{Path.GetFileName(SegmentFiles.Manifest(directory, number))}: {e.Message}"]);
        }
    }

    /// <summary>No crash leaves such a thing: somebody or the disk has changed what was sealed before.</summary>
    void CheckDamaged(int number, List<string> problems)
    {
        string path = SegmentFiles.Manifest(directory, number) + ".damaged";
        Note(problems, File.Exists(path), $"{Path.GetFileName(path)} was there in its place and did not follow the others");
    }

    /// <summary>Is it where it says, and does it follow the one before?</summary>
    void CheckPlace(int number, Manifest manifest, List<string> problems)
    {
        Note(problems, manifest.Segment != number, $"manifest: it is that of segment {manifest.Segment}");
        problems.AddRange(ManifestChecks.OfFirst(manifest));
        Note(
            problems, number > _first && manifest.Previous != _previous,
            $"manifest: it follows {manifest.Previous ?? "none"}, but that of segment {number - 1} is {_previous ?? "missing"}");
        if (_before != null)
        {
            problems.AddRange(ManifestChecks.OfPlace(manifest, _before));
        }
    }

    void CheckDetached(int number, Manifest manifest, string digest, List<string> problems)
    {
        string path = SegmentFiles.Detached(directory, number);
        if (!File.Exists(path))
        {
            problems.Add($"{Path.GetFileName(path)} is missing");
            return;
        }

        string expected = SegmentFiles.DetachedText(number, manifest.Digest, digest);
        Note(problems, File.ReadAllText(path) != expected, $"{Path.GetFileName(path)} names other digests: it or {Path.GetFileName(SegmentFiles.Manifest("", number))} was changed");
    }

    /// <returns>False when the segment is erased.</returns>
    bool CheckData(int number, Manifest manifest, List<string> problems)
    {
        string path = SegmentFiles.Data(directory, number);
        if (!File.Exists(path))
        {
            Note(
                problems, !File.Exists(SegmentFiles.Keys(directory, number)) && !IsErasedFrom(number),
                "its file is missing, and nothing says that it was erased");
            return false;
        }

        using var data = new SegmentData(path, manifest.Start);
        problems.AddRange(ManifestChecks.OfEntries(manifest, data.Open(), entries: null, digests));
        Note(problems, data.Finish().ToString() != manifest.Digest, "its bytes are not those that were sealed");
        return true;
    }

    /// <summary>Does what follows lead to what the TPM has quoted?</summary>
    /// <returns>What cannot be told.</returns>
    IReadOnlyList<string> CheckQuote(Manifest manifest, List<string> problems)
    {
        string? unsigned = SignedManifest.Fault(manifest, trusted, digests);
        Note(problems, unsigned != null, unsigned ?? "");
        if (unsigned != null || manifest.Quote == null)
        {
            return [];
        }

        string? fault = FollowedQuote.Fault(manifest, ReadersAfter(manifest), digests, out string? note);
        Note(problems, fault != null, fault ?? "");
        return note == null ? [] : [note];
    }

    /// <summary>One for each segment after this one, up to the first that is not there.</summary>
    IEnumerable<LogReader> ReadersAfter(Manifest manifest)
    {
        LogExtent at = manifest.End;
        for (int number = manifest.Segment + 1; File.Exists(SegmentFiles.Data(directory, number)); number++)
        {
            using var data = new SegmentData(SegmentFiles.Data(directory, number), at);
            LogReader reader = data.Open();
            yield return reader;
            at = new LogExtent(reader.Number, reader.Offset, 0);
        }
    }

    /// <summary>What is not sealed yet can be replayed, but nothing says that it is all there was.</summary>
    SegmentReport CheckOpen(int number, bool mayBeOpen)
    {
        var problems = new List<string>();
        Note(
            problems, !mayBeOpen,
            $"it is not sealed though others follow it: its manifest is missing ({Path.GetFileName(SegmentFiles.Manifest(directory, number))})");
        (LogExtent start, PcrBanks pcrs) = _open
            ?? (_before == null ? (default, new PcrBanks([HashAlgorithm.Sha256], digests))
                : (_before.End, PcrTables.Read(_before.PcrsAfter, digests)));
        using var data = new SegmentData(SegmentFiles.Data(directory, number), start);
        var replay = new SegmentReplay(pcrs, byKernel: false, [], digests);
        try
        {
            replay.Run(data.Open());
        }
        catch (RecordException e)
        {
            problems.Add(e.Message);
        }

        Note(problems, _previous != null && _before == null, $"segment {number - 1} is not verified, and this one follows it");
        CheckDamaged(number, problems);
        _before = null;
        _previous = null;
        _open = (start + replay.Extent, replay.Pcrs);
        return new SegmentReport(number, "open", start.Entries, replay.Extent.Entries, data.Length, null, false, problems);
    }

    /// <summary>
    /// Lists that nothing is added to any more keep no keys of what was erased: then all before it is erased too, and has
    /// left its manifest.
    /// </summary>
    bool IsErasedFrom(int number)
    {
        while (_erased <= number && !File.Exists(SegmentFiles.Data(directory, _erased))
            && File.Exists(SegmentFiles.Manifest(directory, _erased)))
        {
            _erased++;
        }

        return _erased > number;
    }

    static void Note(List<string> problems, bool isWrong, string problem)
    {
        if (isWrong)
        {
            problems.Add(problem);
        }
    }
}
