using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Template;

namespace ImaHost.Segments;

/// <summary>
/// The segments at the end of a list that nobody has sealed, because its host or its machine went down first. For lists
/// that nobody writes.
/// </summary>
static class ListTail
{
    /// <summary>A disk that lost power may have given a file its length, and not all of its pages: those read as zeros.</summary>
    const int Page = 4096;

    /// <summary>Seals them in order. What a crash has cut off at the very end goes: nobody can read it.</summary>
    /// <param name="chain">What is sealed.</param>
    /// <param name="banks">Those that a first manifest tells of.</param>
    /// <returns>How many were sealed.</returns>
    /// <exception cref="RecordException">A segment is damaged: it and what follows stay as they are.</exception>
    /// <exception cref="IOException">The disk refused it: it can be tried again.</exception>
    public static int Seal(
        string list, IReadOnlyList<SealedSegment> chain, IReadOnlyList<HashAlgorithm> banks, SealFacts facts, DigestSet digests)
    {
        SealedSegment? last = chain.Count == 0 ? null : chain[^1];
        var sealer = new SegmentSealer(list, banks, quotes: null, digests);
        int number = chain.Count;
        for (; HasBytes(list, number); number++)
        {
            if (!HasBytes(list, number + 1) && !CutOff(SegmentFiles.Data(list, number), digests))
            {
                break;
            }

            last = sealer.Seal(number, last?.Manifest, last?.ManifestDigest, facts);
        }

        return number - chain.Count;
    }

    /// <summary>A reader of the entries that are not sealed, whose numbers and offsets are those of the list.</summary>
    /// <param name="bytes">The list's.</param>
    public static LogReader Open(string list, IReadOnlyList<SealedSegment> chain, SegmentBytes bytes)
    {
        LogExtent end = chain.Count == 0 ? default : chain[^1].Manifest.End;
        int first = SegmentFiles.FirstThere(list);
        long erased = first == 0 || first > chain.Count ? 0 : chain[first - 1].Manifest.End.BinaryBytes;
        var reader = new LogReader((buffer, offset) => bytes.Read(buffer, offset - erased));
        reader.Seek(end.BinaryBytes, end.Entries);
        return reader;
    }

    /// <summary>Is there something that is not sealed?</summary>
    public static bool HasBytes(string list, int number) =>
        new FileInfo(SegmentFiles.Data(list, number)) is { Exists: true, Length: > 0 };

    /// <summary>A segment with bytes behind one that has none: a power cut took what is between. Null: there is none.</summary>
    public static int? FindBehind(string list, int number) =>
        SegmentFiles.Numbers(list).Where(one => one > number && HasBytes(list, one)).Cast<int?>().FirstOrDefault();

    /// <summary>Removes the files from a segment on, which have no bytes: they were opened for entries that never came.</summary>
    public static void DropEmpty(string list, int number)
    {
        foreach (int empty in SegmentFiles.Numbers(list).Where(one => one >= number))
        {
            File.Delete(SegmentFiles.Data(list, empty));
        }
    }

    /// <returns>False when there was no whole record.</returns>
    static bool CutOff(string path, DigestSet digests)
    {
        using var file = new AppendFile(path);
        long end = FindEnd(file, digests);
        if (end < file.Length)
        {
            // When the list began shows in the time of its first file.
            DateTime written = File.GetLastWriteTimeUtc(path);
            file.Truncate(end);
            File.SetLastWriteTimeUtc(path, written);
        }

        return end > 0;
    }

    /// <summary>Where the whole records end: at the end, or before one that is cut off or lies in pages that were lost.</summary>
    static long FindEnd(AppendFile file, DigestSet digests)
    {
        var reader = new LogReader(file.ReadAt);
        long end = 0;
        Span<byte> scratch = stackalloc byte[TemplateDescriptor.HashedSize];
        try
        {
            while (reader.Next(out MeasurementRecord record))
            {
                end = reader.Offset;
                if (!record.IsViolation
                    && !digests.Hash(HashAlgorithm.Sha1, record.HashedData(scratch)).Bytes.SequenceEqual(record.TemplateDigest))
                {
                    return IsLost(file, end) ? end : file.Length;
                }
            }

            return reader.Offset;
        }
        catch (RecordException) when (IsLost(file, reader.Offset))
        {
            return reader.Offset;
        }
    }

    /// <summary>Is there nothing but zeros from the next page on?</summary>
    static bool IsLost(AppendFile file, long offset)
    {
        long page = (offset + Page - 1) / Page * Page;
        byte[] buffer = new byte[Page];
        bool isZero = page < file.Length;
        for (int got; isZero && (got = file.ReadAt(buffer, page)) > 0; page += got)
        {
            isZero = !buffer.AsSpan(0, got).ContainsAnyExcept((byte)0);
        }

        return isZero;
    }
}
