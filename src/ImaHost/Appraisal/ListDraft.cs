using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>One digest of a list.</summary>
readonly ref struct ListedDigest
{
    /// <summary>Where it stands, both from 1; column 0: the line as a whole.</summary>
    public required (long Line, long Column) Place { get; init; }

    public required DigestKind Kind { get; init; }

    public required ReadOnlySpan<byte> Bytes { get; init; }

    /// <summary>What it is listed with, or nothing.</summary>
    public ReadOnlySpan<byte> Path { get; init; }

    public PathBinding Binding { get; init; }

    /// <summary>Which of the draft's patterns it is bound to.</summary>
    public int Pattern { get; init; }
}

/// <summary>What a reader has found in a list so far. Once a list is refused nothing of its draft is used.</summary>
/// <param name="number">Of the list among all.</param>
/// <param name="rows">Gets its digests.</param>
/// <param name="limit">Lines or digests at most.</param>
sealed class ListDraft(ReferenceSource source, int number, RowBuffer rows, PathTag tags, int limit)
{
    /// <summary>More are not a way to name files.</summary>
    const int MostPatterns = 4096;

    const int MostShown = 200;

    readonly Dictionary<ulong, (int Line, uint Start)> _claimed = [];
    readonly Dictionary<string, int> _patterns = new(StringComparer.Ordinal);
    readonly List<PathGlob> _globs = [];
    int _count;

    public string File => Source.File;

    public Vouching Kind => Source.Kind;

    /// <summary>What is known of the list, without its digests.</summary>
    public ReferenceSource Source { get; set; } = source;

    /// <summary>The list, once all of it was read.</summary>
    /// <exception cref="PolicyException">It has no digest, though no package is behind it.</exception>
    public ReferenceSource Finish() => _count > 0 || Kind == Vouching.Package
        ? Source with { Count = _count, Patterns = [.. _globs] }
        : throw new PolicyException(new PolicyPlace(File), "holds no digest");

    /// <exception cref="PolicyException">There are too many.</exception>
    public void Add(in ListedDigest one)
    {
        CheckLimit(++_count, "digests");
        ulong tag = one.Binding == PathBinding.Pattern ? (ulong)one.Pattern : one.Path.IsEmpty ? 0 : tags.Of(one.Path);
        int line = (int)Math.Min(one.Place.Line, ReferenceRow.MostLine);
        ReferenceRow.Write(rows.Add(one.Kind), one.Bytes, number, line, one.Binding, tag);
    }

    /// <summary>Notes that a path has its digest of that kind.</summary>
    /// <param name="digest">Empty: it has a list of them.</param>
    /// <exception cref="PolicyException">It has one already.</exception>
    public void Claim((long Line, long Column) place, ReadOnlySpan<byte> path, int slot, ReadOnlySpan<byte> digest)
    {
        ulong tag = tags.Of(path);
        if (tag == 0)
        {
            throw Refuse(place, $"a path longer than {PathTag.MostPathBytes} bytes");
        }

        uint start = digest.IsEmpty ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(digest);
        if (!_claimed.TryAdd(tag + (ulong)slot, ((int)place.Line, start)))
        {
            (int line, uint other) = _claimed[tag + (ulong)slot];
            throw Refuse(place, string.Create(
                CultureInfo.InvariantCulture,
                $"\"{Show(path)}\" is listed twice, {(start == other ? "also" : "with another digest")} in line {line}"));
        }
    }

    /// <summary>The number of a pattern that digests are bound to.</summary>
    /// <exception cref="PolicyException">It is none, or there are too many.</exception>
    public int PatternOf(PathGlob glob, (long Line, long Column) place)
    {
        if (!_patterns.TryGetValue(glob.Text, out int index))
        {
            index = _globs.Count < MostPatterns ? _globs.Count : throw Refuse(place, $"more than {MostPatterns} patterns");
            _patterns.Add(glob.Text, index);
            _globs.Add(glob);
        }

        return index;
    }

    /// <exception cref="PolicyException">There are more of them than are read.</exception>
    public void CheckLimit(long count, string what)
    {
        if (count > limit)
        {
            throw new PolicyException(
                new PolicyPlace(File),
                string.Create(CultureInfo.InvariantCulture, $"has more than {limit} {what}; the rest was not read"));
        }
    }

    public PolicyException Refuse((long Line, long Column) place, string why) =>
        new(new PolicyPlace(File, place.Line, place.Column), why);

    /// <inheritdoc cref="Show(ReadOnlySpan{byte})"/>
    public static string Show(string text) => Show(Encoding.UTF8.GetBytes(text));

    /// <summary>A name or a word for a message: as UTF-8, what cannot be shown as "?", and not all if it is long.</summary>
    public static string Show(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MostShown)]);
        return string.Concat(text.Select(one => Characters.CanBeShown($"{one}") ? one : '?'))
            + (bytes.Length > MostShown ? "…" : "");
    }
}
