using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>Which list vouches.</summary>
/// <param name="Source">Its number in the index.</param>
/// <param name="Line">Where in it, from 1.</param>
/// <param name="IsBound">It vouches for files at certain places alone.</param>
readonly record struct ReferenceHit(int Source, int Line, bool IsBound = false);

/// <summary>A digest, and where it is listed.</summary>
/// <param name="IsVerity">It is that of fs-verity.</param>
/// <param name="Tag">With <paramref name="Binding"/>: where a file must lie.</param>
readonly record struct ListedRow(ReferenceHit Hit, Digest Digest, bool IsVerity, PathBinding Binding, ulong Tag);

/// <summary>
/// All digests of all lists, in a file that is mapped: opening it reads the header and the table of lists alone. It
/// never changes: a newer one is another object, and who still looks into this one may do so in peace. Looking up
/// allocates nothing, and any number of threads may.
/// </summary>
sealed class ReferenceIndex
{
    /// <summary>Nobody vouches for anything.</summary>
    public static ReferenceIndex Empty { get; } = new(null, new ReferenceHeader(0, new byte[PathTag.SaltBytes], 0, 0, 0, 0, []), []);

    readonly MappedFile? _map;
    readonly ReferenceHeader _header;
    readonly ReferenceSection?[] _sections = new ReferenceSection?[DigestKind.Slots];
    readonly ReferenceSource[] _sources;
    readonly PathTag _tags;

    ReferenceIndex(MappedFile? map, ReferenceHeader header, ReferenceSource[] sources)
    {
        _map = map;
        _header = header;
        _sources = sources;
        _tags = new PathTag(header.Salt);
        Stamp = header.Build;
        foreach (SectionPlace place in header.Sections)
        {
            _sections[place.Kind.Slot] = new ReferenceSection(place);
            Count += place.Count;
        }
    }

    /// <summary>Digests in it.</summary>
    public int Count { get; }

    /// <summary>Another number for another content.</summary>
    public ulong Stamp { get; private init; }

    /// <summary>The lists, refused ones too.</summary>
    public IReadOnlyList<ReferenceSource> Sources => _sources;

    /// <summary>Reference or Package.</summary>
    public Vouching KindOf(ReferenceHit hit) => _sources[hit.Source].Kind;

    public ReferenceSource this[int source] => _sources[source];

    /// <summary>The secret that the tags of its paths are made with.</summary>
    public ReadOnlySpan<byte> Salt => _header.Salt;

    /// <summary>The kinds of digests there are.</summary>
    public IEnumerable<ReferenceSection> Sections => _sections.OfType<ReferenceSection>();

    /// <returns>Null: there is no index, or it is damaged or of another version.</returns>
    /// <exception cref="ErrnoException">It is there and cannot be opened.</exception>
    public static ReferenceIndex? TryOpen(string path)
    {
        if (MappedFile.TryOpen(path) is not { } map || ReferenceHeader.TryRead(map.Bytes) is not { } header)
        {
            return null;
        }

        byte[] table = map.Bytes.Slice(header.Sources, header.SourcesLength).ToArray();
        GC.KeepAlive(map);
        return SourceTable.TryRead(table, header.SourceCount) is { } sources ? new ReferenceIndex(map, header, sources) : null;
    }

    /// <summary>The same digests, of which some lists count until a given time only.</summary>
    /// <param name="until">By the names of files of packages' lists: the last second (Unix time).</param>
    public ReferenceIndex Expiring(IReadOnlyDictionary<string, long> until)
    {
        var sources = (ReferenceSource[])_sources.Clone();
        ulong stamp = _header.Build;
        for (int i = 0; i < sources.Length; i++)
        {
            if (sources[i].Kind == Vouching.Package && until.TryGetValue(Path.GetFileName(sources[i].File), out long last))
            {
                sources[i] = sources[i] with { NotAfter = last };
                stamp = (stamp * 31) + (ulong)i + (ulong)last;
            }
        }

        return new ReferenceIndex(_map, _header, sources) { Stamp = stamp };
    }

    /// <summary>Does any list of these kinds vouch for a file with that digest at that path now?</summary>
    /// <param name="digest">Of its content; with <paramref name="kinds"/> Verity that of fs-verity.</param>
    /// <param name="path">The path it is accessed by.</param>
    /// <param name="kinds">Reference, Package, or both; or Verity: lists of either kind.</param>
    /// <param name="now">Unix time, seconds.</param>
    /// <param name="hit">Which one.</param>
    public bool TryFind(in Digest digest, ReadOnlySpan<byte> path, Vouching kinds, long now, out ReferenceHit hit)
    {
        hit = default;
        bool isVerity = kinds == Vouching.Verity;
        if (_map == null || digest.Algorithm == null || _sections[DigestKind.SlotOf(digest.Algorithm, isVerity)] is not { } section)
        {
            return false;
        }

        kinds = isVerity ? Vouching.Reference | Vouching.Package : kinds;

        ReadOnlySpan<byte> file = _map.Bytes;
        ReadOnlySpan<byte> bytes = digest.Bytes;
        bool isFound = false;
        for (int i = section.Find(file, bytes); !isFound && i < section.Count && section.DigestOf(file, i).SequenceEqual(bytes); i++)
        {
            ReferenceRow row = section.Row(file, i);
            if (row.Source < _sources.Length && Vouches(in row, _sources[row.Source], path, kinds, now))
            {
                hit = new ReferenceHit(
                    row.Source, row.Line, row.Binding != PathBinding.Anywhere || _sources[row.Source].Paths.Count > 0);
                isFound = true;
            }
        }

        GC.KeepAlive(_map);
        return isFound;
    }

    /// <summary>Every row with that digest, also of lists whose time is over and of other paths.</summary>
    public List<ListedRow> FindAll(in Digest digest, bool isVerity)
    {
        var found = new List<ListedRow>();
        if (_map != null && _sections[DigestKind.SlotOf(digest.Algorithm, isVerity)] is { } section)
        {
            ReadOnlySpan<byte> file = _map.Bytes;
            for (int i = section.Find(file, digest.Bytes); i < section.Count && section.DigestOf(file, i).SequenceEqual(digest.Bytes); i++)
            {
                Note(section, i, found);
            }

            GC.KeepAlive(_map);
        }

        return found;
    }

    /// <summary>Every row that is listed with that path. Goes through the whole index.</summary>
    public List<ListedRow> FindPath(ReadOnlySpan<byte> path)
    {
        var found = new List<ListedRow>();
        ulong tag = _tags.Of(path);
        foreach (ReferenceSection section in Sections.Where(_ => tag != 0))
        {
            ReadOnlySpan<byte> file = _map!.Bytes;
            for (int i = 0; i < section.Count; i++)
            {
                ReferenceRow row = section.Row(file, i);
                if (row.Tag == tag && row.Binding != PathBinding.Pattern)
                {
                    Note(section, i, found);
                }
            }
        }

        GC.KeepAlive(_map);
        return found;
    }

    /// <summary>The rows of one kind, for the next index.</summary>
    public (MappedFile? File, int Start, int Length) RowsOf(int slot)
    {
        SectionPlace place = _header.Sections.FirstOrDefault(section => section.Kind.Slot == slot);
        return place.Count == 0 ? (null, 0, 0) : (_map, place.Rows, place.Count * place.Kind.RowBytes);
    }

    /// <summary>Would it vouch for a file at that path?</summary>
    public bool IsBoundTo(in ListedRow row, ReadOnlySpan<byte> path) =>
        IsBoundTo(row.Binding, row.Tag, _sources[row.Hit.Source], path);

    bool Vouches(in ReferenceRow row, ReferenceSource source, ReadOnlySpan<byte> path, Vouching kinds, long now) =>
        (source.Kind & kinds) != 0 && !source.IsOverAt(now) && IsBoundTo(row.Binding, row.Tag, source, path);

    bool IsBoundTo(PathBinding binding, ulong tag, ReferenceSource source, ReadOnlySpan<byte> path) =>
        source.Covers(path) && binding switch
        {
            PathBinding.Anywhere => true,
            PathBinding.Exact => tag == _tags.Of(path),
            PathBinding.Pattern => tag < (ulong)source.Patterns.Count && source.Patterns[(int)tag].Matches(path),
            _ => false,
        };

    void Note(ReferenceSection section, int row, List<ListedRow> found)
    {
        ReferenceRow one = section.Row(_map!.Bytes, row);
        if (one.Source < _sources.Length)
        {
            var digest = new Digest(section.Kind.Algorithm, section.DigestOf(_map.Bytes, row));
            found.Add(new ListedRow(
                new ReferenceHit(one.Source, one.Line), digest, section.Kind.IsVerity, one.Binding, one.Tag));
        }
    }
}
