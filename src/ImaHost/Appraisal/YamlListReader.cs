using System.Globalization;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Policy;
using YamlDotNet.Core.Events;

namespace ImaHost.Appraisal;

/// <summary>
/// Reads a list in YAML: "version: 1", "paths:", patterns that all of it is bound to, "expires:", and "digests:", a list
/// of mappings with an algorithm and its digest, or "verity: ALGORITHM:DIGEST", and perhaps a "path:".
/// </summary>
sealed class YamlListReader
{
    /// <summary>The parser may hold one value in memory that is as long as the file: longer lists have other forms.</summary>
    public const long MostBytes = 64 << 20;

    const string Version = "version";
    const string Paths = "paths";
    const string Expires = "expires";
    const string Digests = "digests";
    const string Verity = "verity";
    const string PathKey = "path";
    const string Day = "yyyy-MM-dd";
    static readonly string[] Keys = [Version, Paths, Expires, Digests];
    static readonly string[] EntryKeys = [.. ListedAlgorithms.ByName.Keys, Verity, PathKey];
    static readonly string[] Times =
    [
        "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd HH:mm:sszzz",
    ];

    readonly ListDraft _draft;
    readonly YamlEvents _events;
    readonly List<(DigestKind Kind, byte[] Bytes, PolicyPlace Place)> _found = [];

    YamlListReader(TextReader text, ListDraft draft)
    {
        _draft = draft;
        _events = new YamlEvents(text, draft.File);
    }

    /// <exception cref="PolicyException">It is not understood.</exception>
    public static void Read(Stream content, ListDraft draft)
    {
        using var text = new StreamReader(content, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        var reader = new YamlListReader(text, draft);
        reader._events.ReadDocument("a list of reference digests", reader.ReadDocument);
    }

    void ReadDocument()
    {
        MappingStart start = _events.Take<MappingStart>("a mapping with the keys version and digests");
        HashSet<string> seen = _events.ReadMapping(Keys, (key, _) =>
        {
            switch (key)
            {
                case Version:
                    (string version, PolicyPlace at) = _events.ReadScalar("a number");
                    YamlEvents.Require(version == "1", at, $"version \"{version}\" is not known here; 1 is");
                    break;
                case Paths:
                    PathGlob[] globs = [.. _events.ReadItems().Select(item => Glob(item.Text, item.Place))];
                    _draft.Source = _draft.Source with { Paths = globs };
                    break;
                case Expires:
                    (string date, PolicyPlace place) = _events.ReadScalar("a date");
                    _draft.Source = _draft.Source with { NotAfter = LastSecond(date, place) };
                    break;
                default:
                    _events.ReadList("a list of digests", ReadEntry);
                    break;
            }
        });
        YamlEvents.Require(seen.Contains(Version), _events.PlaceOf(start), "no \"version: 1\"");
        YamlEvents.Require(
            !seen.Contains(Paths) || _draft.Source.Paths.Count > 0, _events.PlaceOf(start),
            "\"paths\" without a path: leave the key out, and the list vouches anywhere");
    }

    void ReadEntry()
    {
        MappingStart start = _events.Take<MappingStart>("a digest, which is a mapping (sha256: HEX, path: /usr/bin/a)");
        PathGlob? glob = null;
        _found.Clear();
        _ = _events.ReadMapping(EntryKeys, (key, _) =>
        {
            (string text, PolicyPlace place) = _events.ReadScalar("a value");
            if (key == PathKey)
            {
                glob = Glob(text, place);
            }
            else
            {
                _found.Add(DigestOf(key, text, place));
            }
        });
        YamlEvents.Require(_found.Count > 0, _events.PlaceOf(start), "a digest is missing here (sha256: HEX)");
        foreach ((DigestKind kind, byte[] bytes, PolicyPlace place) in _found)
        {
            Add(kind, bytes, (place.Line, place.Column), glob);
        }
    }

    void Add(DigestKind kind, byte[] bytes, (long Line, long Column) place, PathGlob? glob)
    {
        ReadOnlySpan<byte> path = glob is { IsExact: true } ? glob.Prefix.Span : default;
        if (!path.IsEmpty)
        {
            _draft.Claim(place, path, kind.Slot, bytes);
        }

        _draft.Add(new ListedDigest
        {
            Place = place,
            Kind = kind,
            Bytes = bytes,
            Path = path,
            Binding = glob == null ? PathBinding.Anywhere : glob.IsExact ? PathBinding.Exact : PathBinding.Pattern,
            Pattern = glob is { IsExact: false } ? _draft.PatternOf(glob, place) : 0,
        });
    }

    /// <summary>"sha256: HEX", or "verity: sha256:HEX".</summary>
    static (DigestKind Kind, byte[] Bytes, PolicyPlace Place) DigestOf(string key, string text, PolicyPlace place)
    {
        bool isVerity = key == Verity;
        string[] parts = isVerity ? text.Split(':', 2) : [key, text];
        if (parts.Length != 2 || !ListedAlgorithms.ByName.TryGetValue(parts[0], out HashAlgorithm? algorithm))
        {
            throw new PolicyException(place, "ALGORITHM:DIGEST is expected here, as fsverity measures it (sha256:HEX)");
        }

        byte[] bytes = new byte[algorithm.Size];
        return ListedAlgorithms.TryParse(Encoding.UTF8.GetBytes(parts[1]), algorithm, bytes)
            ? (new DigestKind(algorithm, isVerity), bytes, place)
            : throw new PolicyException(place, string.Create(
                CultureInfo.InvariantCulture,
                $"\"{parts[1]}\" is no digest of {algorithm}, which has {2 * algorithm.Size} hex digits"));
    }

    static PathGlob Glob(string text, PolicyPlace place)
    {
        YamlEvents.Require(text is ['/' or '*', ..], place, "a path begins with \"/\", a pattern with \"/\" or \"**\"");
        try
        {
            return PathGlob.Parse(text);
        }
        catch (FormatException e)
        {
            throw new PolicyException(place, e.Message);
        }
    }

    /// <summary>A day is over when it is over in UTC.</summary>
    static long LastSecond(string date, PolicyPlace place)
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        return DateTimeOffset.TryParseExact(date, Day, invariant, DateTimeStyles.AssumeUniversal, out DateTimeOffset day)
                ? day.AddDays(1).ToUnixTimeSeconds() - 1
            : DateTimeOffset.TryParseExact(date, Times, invariant, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
                ? time.ToUnixTimeSeconds()
            : throw new PolicyException(place, "a date is expected here: 2027-12-31, or 2027-12-31T12:00:00Z");
    }
}
