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
    /// <summary>Seals them in order. A record that a crash has cut off at the very end goes: no TPM has had it.</summary>
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
            if (!HasBytes(list, number + 1) && !CutOff(SegmentFiles.Data(list, number)))
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
        int first = SegmentFiles.Numbers(list).FirstOrDefault(number => File.Exists(SegmentFiles.Data(list, number)));
        long erased = first == 0 || first > chain.Count ? 0 : chain[first - 1].Manifest.End.BinaryBytes;
        var reader = new LogReader((buffer, offset) => bytes.Read(buffer, offset - erased));
        reader.Seek(end.BinaryBytes, end.Entries);
        return reader;
    }

    /// <summary>Is there something that is not sealed?</summary>
    public static bool HasBytes(string list, int number) =>
        new FileInfo(SegmentFiles.Data(list, number)) is { Exists: true, Length: > 0 };

    /// <returns>False when there was no whole record.</returns>
    static bool CutOff(string path)
    {
        using var file = new AppendFile(path);
        var reader = new LogReader(file.ReadAt);
        while (reader.Next(out _))
        {
        }

        if (reader.Rest > 0)
        {
            // When the list began shows in the time of its first file.
            DateTime written = File.GetLastWriteTimeUtc(path);
            file.Truncate(reader.Offset);
            File.SetLastWriteTimeUtc(path, written);
        }

        return reader.Offset > 0;
    }
}
