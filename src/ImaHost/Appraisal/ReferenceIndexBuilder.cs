using System.Globalization;
using System.Security.Cryptography;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// Builds the index of the lists that are there: the rows of unchanged lists are copied from the old one, the others
/// are read. A list that is refused has no row in it and its reason in the table of lists.
/// </summary>
sealed class ReferenceIndexBuilder(ReferenceSettings settings, ReferenceIndex old)
{
    /// <summary>Rows in memory, before they are sorted and put aside; one list may have more.</summary>
    const long MostBufferedBytes = 64 << 20;

    /// <summary>Offsets in the file are 32-bit; this leaves room for all that is not rows.</summary>
    const long MostBytes = 1_900_000_000;

    /// <summary>A filesystem's clock may stand still for so long: what changes meanwhile changes unseen.</summary>
    const int ClockMilliseconds = 20;

    readonly RowBuffer _rows = new();
    readonly byte[] _salt = old.Count > 0 ? old.Salt.ToArray() : RandomNumberGenerator.GetBytes(PathTag.SaltBytes);
    readonly int[] _numbers = [.. old.Sources.Select(_ => -1)];
    long _bytes;

    /// <summary>Is an index of these lists what it would be if it was built now?</summary>
    public static bool IsUpToDate(ReferenceIndex index, IReadOnlyList<FoundList> found) =>
        index.Sources.Count == found.Count
        && index.Sources.Zip(found).All(pair => IsOf(pair.First, pair.Second));

    /// <summary>Builds it and puts it in the place of the old one. At any time one of the two is there, whole.</summary>
    /// <exception cref="IOException">It cannot be written: the old one stays.</exception>
    public ReferenceIndex Build(IReadOnlyList<FoundList> found)
    {
        using var runs = new RowRuns(settings.IndexPath + ".runs");
        using var writer = new IndexWriter(settings.IndexPath);
        ReferenceSource[] sources = Collect(found, runs);
        foreach (int slot in runs.Slots.Union(old.Sections.Select(section => section.Kind.Slot)).Order())
        {
            DigestKind kind = DigestKind.OfSlot(slot);
            List<RowCursor> from = runs.Open(slot);
            if (old.RowsOf(slot) is ({ } file, var start, var length))
            {
                from.Add(new RowCursor(file, start, length, kind.RowBytes, _numbers));
            }

            writer.WriteSection(kind, from);
        }

        writer.Finish(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))), _salt, sources);
        return ReferenceIndex.TryOpen(settings.IndexPath)
            ?? throw new IOException($"{settings.IndexPath}: what was written there is not what is there");
    }

    static bool IsOf(ReferenceSource source, FoundList list) =>
        source.File == list.File && source.Kind == list.Kind && source.Stamp == list.Stamp;

    ReferenceSource[] Collect(IReadOnlyList<FoundList> found, RowRuns runs)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < old.Sources.Count; i++)
        {
            known[old.Sources[i].File] = i;
        }

        int Known(FoundList list) => known.TryGetValue(list.File, out int i) && IsOf(old.Sources[i], list) ? i : -1;
        WaitForClock(found.Where(list => Known(list) < 0));
        var sources = new ReferenceSource[found.Count];
        for (int number = 0; number < sources.Length; number++)
        {
            int before = Known(found[number]);
            if (before >= 0)
            {
                _numbers[before] = number;
                sources[number] = old.Sources[before];
                _bytes += (long)sources[number].Count * DigestKind.MostRowBytes;
            }
        }

        var tags = new PathTag(_salt);
        for (int number = 0; number < sources.Length; number++)
        {
            sources[number] ??= Read(found[number], number, tags, runs);
        }

        runs.Take(_rows);
        return sources;
    }

    /// <summary>All of a list, or nothing of it.</summary>
    ReferenceSource Read(FoundList list, int number, PathTag tags, RowRuns runs)
    {
        var source = new ReferenceSource(list.Kind, list.File, list.Stamp);
        int[] mark = _rows.Mark();
        try
        {
            var draft = new ListDraft(source, number, _rows, tags, settings.Limit);
            ReferenceSource read = ReferenceLists.Read(draft, list.NeedsSignature ? settings.Keys : null, settings.Limit);
            CheckRoom(list.File, runs);
            if (_rows.Bytes > MostBufferedBytes)
            {
                runs.Take(_rows);
            }

            return read;
        }
        catch (PolicyException e)
        {
            _rows.Rewind(mark);
            return source with { Error = e.Message };
        }
    }

    void CheckRoom(string file, RowRuns runs)
    {
        if (_bytes + runs.Bytes + _rows.Bytes > MostBytes)
        {
            throw new PolicyException(new PolicyPlace(file), string.Create(
                CultureInfo.InvariantCulture, $"has no room in the index, which has {MostBytes} bytes for all lists"));
        }
    }

    /// <summary>A list that was written just now could be written again without another time: then it would not be read again.</summary>
    static void WaitForClock(IEnumerable<FoundList> lists)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        bool isFresh = lists.SelectMany(list => (FileMark[])[list.Stamp.List, list.Stamp.Signature])
            .Select(mark => now - DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(mark.Changed.Seconds, 0, uint.MaxValue)).AddTicks(mark.Changed.Nanoseconds / 100))
            .Any(age => age >= TimeSpan.Zero && age < TimeSpan.FromMilliseconds(ClockMilliseconds));
        if (isFresh)
        {
            Thread.Sleep(ClockMilliseconds);
        }
    }
}
