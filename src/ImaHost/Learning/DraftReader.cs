using System.Text;
using ImaHost.Crypto;
using ImaHost.Policy;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace ImaHost.Learning;

/// <summary>Reads a draft again, after somebody may have edited it.</summary>
sealed class DraftReader
{
    const int MostBytes = 256 * 1024 * 1024;

    readonly string _file;
    readonly byte[] _bytes;
    readonly List<DraftEntry> _entries = [];
    readonly List<LeftOut> _leftOut = [];
    readonly List<string> _notes = [];
    readonly Dictionary<BytePath, Digest> _paths = [];
    string _as = "";
    string _source = "";

    DraftReader(string file, byte[] bytes)
    {
        _file = file;
        _bytes = bytes;
    }

    /// <exception cref="DraftException">It is no draft, or damaged; the line is told.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Draft Read(string file)
    {
        if (new FileInfo(file).Length > MostBytes)
        {
            throw new DraftException(file, 0, $"longer than {MostBytes} bytes: no draft is");
        }

        return new DraftReader(file, File.ReadAllBytes(file)).Read();
    }

    Draft Read()
    {
        ReadComments();
        string[] words = _as.Split(' ');
        HashAlgorithm algorithm = HashAlgorithm.FromName(words[^1]) ?? throw new DraftException(
            _file, 0, $"does not begin as a draft does: \"{DraftText.Title}\", \"{DraftText.As}sha256\"");
        DraftKind kind = words.Length == 1 ? DraftKind.Sums
            : words[0] == "yaml" ? DraftKind.Yaml
            : words[0] == "policy" ? DraftKind.Policy
            : throw new DraftException(_file, 0, $"\"{words[0]}\" is no kind of draft: sha256, yaml or policy");
        IReadOnlyList<ImaRule> rules = [];
        switch (kind)
        {
            case DraftKind.Sums:
                ReadSums(algorithm);
                break;
            case DraftKind.Yaml:
                ReadYaml(algorithm);
                break;
            case DraftKind.Policy:
            default:
                rules = YamlPolicyReader.Read(Encoding.UTF8.GetString(_bytes), _file).Rules;
                break;
        }

        return new Draft(_file, kind, algorithm, _source, _entries, rules, _leftOut, _notes);
    }

    void ReadComments()
    {
        int number = 0;
        foreach (Range range in _bytes.AsSpan().Split((byte)'\n'))
        {
            ReadOnlySpan<byte> bytes = _bytes.AsSpan(range);
            number++;
            if (!bytes.StartsWith("#"u8))
            {
                continue;
            }

            string line = Encoding.UTF8.GetString(bytes);
            _as = ValueOf(line, DraftText.As) ?? _as;
            _source = ValueOf(line, DraftText.Of) ?? _source;
            if (ValueOf(line, DraftText.Note) is { } note)
            {
                _notes.Add(note);
            }
            else if (line.StartsWith(DraftText.LeftOut, StringComparison.Ordinal))
            {
                ReadLeftOut(bytes, line, number);
            }
        }

        if (!_bytes.AsSpan().StartsWith(Encoding.UTF8.GetBytes(DraftText.Title + "\n")))
        {
            _as = "";
        }
    }

    static string? ValueOf(string line, string name) =>
        line.StartsWith(name, StringComparison.Ordinal) ? line[name.Length..] : null;

    void ReadLeftOut(ReadOnlySpan<byte> bytes, string line, int number)
    {
        int end = line.IndexOf(DraftText.AfterReason, StringComparison.Ordinal);
        HashAlgorithm algorithm = HashAlgorithm.FromName(_as.Split(' ')[^1]) ?? HashAlgorithm.Sha256;
        if (end < 0
            || !SumsLine.TryRead(bytes[(end + DraftText.AfterReason.Length)..], algorithm, out Digest digest, out BytePath path, out _))
        {
            throw new DraftException(_file, number, "what was left out is not understood: remove the line, or its \"left out\"");
        }

        _leftOut.Add(new LeftOut(line[DraftText.LeftOut.Length..end], digest, path));
    }

    void ReadSums(HashAlgorithm algorithm)
    {
        int number = 0;
        foreach (Range range in _bytes.AsSpan().Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = _bytes.AsSpan(range);
            number++;
            if (line.IsEmpty || line[0] == '#')
            {
                continue;
            }

            if (!SumsLine.TryRead(line, algorithm, out Digest digest, out BytePath path, out string why))
            {
                throw new DraftException(_file, number, why);
            }

            Add(digest, path, number);
        }
    }

    void Add(in Digest digest, BytePath path, long line)
    {
        if (!_paths.TryAdd(path, digest))
        {
            throw new DraftException(_file, line, $"\"{path}\" is here a second time: one file has one content");
        }

        _entries.Add(new DraftEntry(digest, path));
    }

    void ReadYaml(HashAlgorithm algorithm)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(Encoding.UTF8.GetString(_bytes)));
        }
        catch (YamlException e)
        {
            throw new DraftException(_file, e.Start.Line, e.Message);
        }

        YamlNode? root = stream.Documents.Count == 1 ? stream.Documents[0].RootNode : null;
        if (root is not YamlMappingNode mapping || !mapping.Children.TryGetValue("digests", out YamlNode? digests)
            || digests is not YamlSequenceNode sequence)
        {
            throw new DraftException(_file, 0, "has no \"digests:\", a list");
        }

        foreach (YamlNode node in sequence)
        {
            ReadEntry(node, algorithm);
        }
    }

    void ReadEntry(YamlNode node, HashAlgorithm algorithm)
    {
        long line = node.Start.Line;
        if (node is not YamlMappingNode mapping
            || !mapping.Children.TryGetValue(algorithm.Name, out YamlNode? value)
            || value is not YamlScalarNode { Value: { } digits }
            || digits.Length != algorithm.Size * 2 || !digits.All(char.IsAsciiHexDigit))
        {
            throw new DraftException(_file, line, $"is not {{{algorithm}: DIGEST, path: PATTERN}}");
        }

        var digest = new Digest(algorithm, Convert.FromHexString(digits));
        string? pattern = mapping.Children.TryGetValue("path", out YamlNode? path) && path is YamlScalarNode scalar
            ? scalar.Value
            : null;
        if (pattern != null && Parse(pattern, line) is { IsExact: true } exact)
        {
            Add(digest, new BytePath(exact.Prefix.ToArray()), line);
        }
        else
        {
            _entries.Add(new DraftEntry(digest, null));
        }
    }

    PathGlob Parse(string pattern, long line)
    {
        try
        {
            return PathGlob.Parse(pattern);
        }
        catch (FormatException e)
        {
            throw new DraftException(_file, line, e.Message);
        }
    }
}
