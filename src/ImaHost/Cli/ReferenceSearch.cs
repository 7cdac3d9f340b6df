using System.Globalization;
using System.Text;
using System.Text.Json;
using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Interop;
using ImaHost.Measurement;
using ImaHost.Policy;

namespace ImaHost.Cli;

/// <summary><c>imahost reference find</c>: which lists have a digest, or the file at a path, and why they vouch or not.</summary>
sealed class ReferenceSearch
{
    const string VerityMark = "verity:";

    readonly ReferenceIndex _index;
    readonly long _now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    readonly List<FoundReference> _found = [];

    ReferenceSearch(ReferenceIndex index) => _index = index;

    /// <summary>The status says whether somebody vouches.</summary>
    public static int Run(ReferenceSettings settings, string what, bool json)
    {
        var search = new ReferenceSearch(ReferenceCommand.Index(settings));
        if (TryParse(what, out Digest digest, out bool isVerity))
        {
            search.Note(search._index.FindAll(in digest, isVerity), path: null);
        }
        else
        {
            search.FindFile(Path.GetFullPath(what));
        }

        search.Report(what, json);
        return search._found.Any(one => one.WhyNot == null) ? ExitStatus.Yes : ExitStatus.No;
    }

    void FindFile(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path);
        List<ListedRow> listed = _index.FindPath(name);
        if (!File.Exists(path))
        {
            Note(listed, path: null, "the file is not there");
            return;
        }

        using var hasher = new FileHasher();
        using HeldFile file = HeldFile.Open(path);
        foreach (DigestKind kind in _index.Sections.Select(section => section.Kind))
        {
            Digest digest = DigestOf(file, path, kind, hasher);
            if (digest.Algorithm != null)
            {
                Note(_index.FindAll(in digest, kind.IsVerity), name);
                _ = listed.RemoveAll(row => row.IsVerity == kind.IsVerity && IsSame(row.Digest, digest));
            }
        }

        Note(listed, name, "the file has another digest");
    }

    static bool IsSame(in Digest one, in Digest other) =>
        one.Algorithm == other.Algorithm && one.Bytes.SequenceEqual(other.Bytes);

    /// <returns>Nothing: the file has no such digest.</returns>
    static Digest DigestOf(HeldFile file, string path, DigestKind kind, FileHasher hasher)
    {
        if (kind.IsVerity)
        {
            return CollectedFile.TryReadVerity(file, out Digest verity) && verity.Algorithm == kind.Algorithm ? verity : default;
        }

        Digest digest = default;
        if (file.TryStat(out FileStat stat, out int error))
        {
            error = hasher.Hash(file, stat.Size, kind.Algorithm, null, out digest);
        }

        return error == 0 ? digest : throw new ErrnoException($"read {path}", -error);
    }

    void Note(List<ListedRow> rows, byte[]? path, string? whyNot = null)
    {
        foreach (ListedRow row in rows)
        {
            ReferenceSource source = _index[row.Hit.Source];
            _found.Add(new FoundReference(
                (row.IsVerity ? VerityMark : "") + row.Digest,
                source.File,
                row.Hit.Line,
                string.Join("", Vouchings.NamesOf(source.Kind)),
                source.Package?.ToString(),
                whyNot ?? WhyNot(row, source, path)));
        }
    }

    string? WhyNot(ListedRow row, ReferenceSource source, byte[]? path) =>
        source.IsOverAt(_now) ? $"expired on {ReferenceCommand.Time(source.NotAfter!.Value)}"
        : path != null && !_index.IsBoundTo(row, path) ? "for another path only"
        : null;

    void Report(string what, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize([.. _found], ReferenceJson.Default.FoundReferenceArray));
            return;
        }

        foreach (FoundReference one in _found)
        {
            string package = one.Package == null ? "" : $" ({one.Package})";
            string place = string.Create(CultureInfo.InvariantCulture, $"{one.File}:{one.Line}{package}");
            Console.WriteLine(one.WhyNot == null
                ? $"{one.Digest} vouched for by {place}"
                : $"{one.Digest} listed in {place}, which does not vouch: {one.WhyNot}");
        }

        if (_found.Count == 0)
        {
            Console.WriteLine($"{what}: nobody vouches for it");
        }
    }

    /// <summary>"sha256:HEX", "verity:sha256:HEX", or hex digits as many as a digest of the SHA-2 family has.</summary>
    static bool TryParse(string text, out Digest digest, out bool isVerity)
    {
        isVerity = text.StartsWith(VerityMark, StringComparison.Ordinal);
        string[] parts = (isVerity ? text[VerityMark.Length..] : text).Split(':', 2);
        HashAlgorithm? algorithm = parts.Length == 2
            ? ListedAlgorithms.ByName.GetValueOrDefault(parts[0])
            : ListedAlgorithms.OfHexLength(parts[0].Length);
        Span<byte> bytes = stackalloc byte[HashAlgorithm.MaxSize];
        bool isOne = algorithm != null && ListedAlgorithms.TryParse(Encoding.UTF8.GetBytes(parts[^1]), algorithm, bytes);
        digest = isOne ? new Digest(algorithm!, bytes) : default;
        return isOne;
    }
}
