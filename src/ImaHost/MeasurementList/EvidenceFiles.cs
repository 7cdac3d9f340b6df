using ImaHost.Segments;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>What evidence consists of besides the files of the quote.</summary>
static class EvidenceFiles
{
    /// <summary>The list, and the same for people.</summary>
    public const string Binary = "binary_runtime_measurements";
    public const string Ascii = "ascii_runtime_measurements";

    /// <summary>Which part of the list that is: <see cref="EvidencePlace"/>.</summary>
    public const string Place = "evidence.json";

    /// <summary>A directory with the manifests of the list's segments, if it is kept in segments.</summary>
    public const string Segments = "segments";
    const string ManifestPattern = "*.json";
    const int ChunkSize = 1 << 18;
    const int Tries = 5;

    /// <summary>
    /// The part of the list that the quote vouches for, from the first segment on that is not erased. The list grows at its
    /// end alone, so what stands before that is what stood there when the quote was made.
    /// </summary>
    /// <exception cref="IOException">The list is shorter, or cannot be read.</exception>
    public static EvidencePlace WriteList(string directory, ListQuote found)
    {
        string path = Path.Combine(directory, Binary);
        EvidencePlace? place = null;
        for (int tries = Tries; place == null; tries--)
        {
            try
            {
                place = CopyList(path, found);
            }
            catch (FileNotFoundException) when (tries > 1 && Directory.Exists(found.Path))
            {
                // A segment was erased meanwhile: then the list begins later.
            }
        }

        using FileStream ascii = File.Create(Path.Combine(directory, Ascii));
        using var file = new ListFile(path);
        RecordReader reader = file.Open();
        var line = new ByteBuilder();
        while (TryShowNext(reader, line))
        {
            ascii.Write(line.Written);
        }

        File.WriteAllBytes(Path.Combine(directory, Place), place.ToBytes());
        return place;
    }

    static EvidencePlace CopyList(string into, ListQuote found)
    {
        (int first, LogExtent start) = FindStart(found.Path);
        long bytes = found.Bytes - start.BinaryBytes;
        if (bytes < 0)
        {
            throw new IOException($"{found.Path} is erased up to entry {start.Entries}, and {found.Entries} were quoted: ask again");
        }

        using FileStream copy = File.Create(into);
        long left = bytes;
        foreach (string piece in PiecesOf(found.Path, first))
        {
            if (left == 0)
            {
                break;
            }

            left -= CopyTo(copy, piece, left);
        }

        return left == 0
            ? new EvidencePlace(
                EvidencePlace.CurrentSchema, start.Entries, start.BinaryBytes, found.Entries - start.Entries, bytes)
            : throw new IOException($"{found.Path} ends {left} bytes before what was quoted");
    }

    /// <summary>The first segment whose bytes are there, and where it begins: where the one before it ended.</summary>
    static (int Number, LogExtent Start) FindStart(string list)
    {
        int first = SegmentFiles.FirstThere(list);
        if (first == 0)
        {
            return default;
        }

        string before = SegmentFiles.Manifest(list, first - 1);
        try
        {
            return (first, Manifest.Read(File.ReadAllBytes(before)).End);
        }
        catch (ManifestException e)
        {
            throw new IOException($"{before}: {e.Message}: where segment {first} begins is not known");
        }
    }

    /// <summary>Those of segments that the quote vouches for to their end; what is no manifest is for the verifier to see.</summary>
    /// <param name="bytes">How much of the list was quoted.</param>
    /// <returns>How many there are.</returns>
    public static int CopyManifests(string directory, string list, long bytes)
    {
        string[] manifests = Directory.Exists(list)
            ? [.. Directory.GetFiles(list, ManifestPattern).Where(manifest => !EndsAfter(manifest, bytes))]
            : [];
        string into = Path.Combine(directory, Segments);
        foreach (string manifest in manifests)
        {
            _ = Directory.CreateDirectory(into);
            File.Copy(manifest, Path.Combine(into, Path.GetFileName(manifest)));
        }

        return manifests.Length;
    }

    static bool EndsAfter(string manifest, long bytes)
    {
        try
        {
            return Manifest.Read(File.ReadAllBytes(manifest)).End.BinaryBytes > bytes;
        }
        catch (ManifestException)
        {
            return false;
        }
    }

    /// <summary>Is an ascii list what a binary one is shown as?</summary>
    /// <returns>Where they begin to differ, bytes; -1: nowhere.</returns>
    /// <exception cref="RecordException">The binary list is damaged.</exception>
    public static long FindDifference(ListFile binary, string ascii)
    {
        using FileStream shown = File.OpenRead(ascii);
        RecordReader reader = binary.Open();
        var line = new ByteBuilder();
        byte[] buffer = [];
        long offset = 0;
        for (; TryShowNext(reader, line); offset += line.Length)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length, line.Length));
            int got = shown.ReadAtLeast(buffer.AsSpan(0, line.Length), line.Length, throwOnEndOfStream: false);
            int same = line.Written.CommonPrefixLength(buffer.AsSpan(0, got));
            if (same < line.Length)
            {
                return offset + same;
            }
        }

        return shown.ReadByte() < 0 ? -1 : offset;
    }

    /// <summary>The next record as its ascii line.</summary>
    /// <returns>False at the end.</returns>
    static bool TryShowNext(RecordReader reader, ByteBuilder line)
    {
        line.Clear();
        if (!reader.Next(out MeasurementRecord record))
        {
            return false;
        }

        record.AppendAscii(line);
        return true;
    }

    /// <summary>A list is one file, or a directory of segments; one that is missing between others is not passed over.</summary>
    static IEnumerable<string> PiecesOf(string list, int first)
    {
        if (!Directory.Exists(list))
        {
            yield return list;
            yield break;
        }

        int last = SegmentFiles.Numbers(list) is { Count: > 0 } numbers ? numbers[^1] : -1;
        for (int number = first; number <= last; number++)
        {
            yield return SegmentFiles.Data(list, number);
        }
    }

    /// <returns>The bytes that were copied.</returns>
    static long CopyTo(FileStream copy, string piece, long most)
    {
        using FileStream list = new(piece, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] chunk = new byte[ChunkSize];
        long left = most;
        for (int got; left > 0 && (got = list.Read(chunk, 0, (int)Math.Min(left, chunk.Length))) > 0; left -= got)
        {
            copy.Write(chunk, 0, got);
        }

        return most - left;
    }
}
