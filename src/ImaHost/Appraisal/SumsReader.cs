using ImaHost.Crypto;
using ImaHost.Policy;

namespace ImaHost.Appraisal;

/// <summary>
/// Reads what sha256sum and its kind write: "HEX  NAME", "HEX *NAME", with --tag "SHA256 (NAME) = HEX"; a "\" in front
/// says that the name is escaped. Names are any bytes. The digests vouch wherever the content lies. The list of a
/// package is such a list whose comments say which package that is.
/// </summary>
sealed class SumsReader(ListDraft draft, HashAlgorithm? expected)
{
    readonly byte[] _name = new byte[16 * 1024];

    /// <param name="expected">The algorithm that the file's name speaks of; null: told by the lines.</param>
    /// <exception cref="PolicyException">It is not understood.</exception>
    public static void Read(Stream content, ListDraft draft, HashAlgorithm? expected)
    {
        var reader = new SumsReader(draft, expected);
        var lines = new ListLines(content, draft.File);
        var header = new PackageHeader(draft);
        while (lines.TryRead(out ReadOnlySpan<byte> line))
        {
            draft.CheckLimit(lines.Number, "lines");
            if (line is [(byte)'#', ..])
            {
                header.Read(line, lines.Number);
            }
            else if (!line.IsEmpty)
            {
                header.Finish(lines.Number);
                reader.ReadLine(line, lines.Number);
            }
        }

        header.Finish(lines.Number);
    }

    void ReadLine(ReadOnlySpan<byte> line, long number)
    {
        bool isEscaped = line[0] == '\\';
        line = isEscaped ? line[1..] : line;
        int digits = ListedAlgorithms.HexLength(line);
        ReadOnlySpan<byte> hex = line[..digits];
        ReadOnlySpan<byte> tag = default;
        if (!TrySplitPlain(line, digits, out ReadOnlySpan<byte> name) && !TrySplitTagged(line, out tag, out name, out hex))
        {
            throw Refuse(number, "\"DIGEST  NAME\" or \"ALGORITHM (NAME) = DIGEST\" is expected, as sha256sum writes it");
        }

        HashAlgorithm algorithm = tag.IsEmpty
            ? ListedAlgorithms.OfHexLength(digits) ?? throw Refuse(number, ListedAlgorithms.WhyNot(digits))
            : ListedAlgorithms.OfTag(tag) ?? throw Refuse(number, ListedAlgorithms.WhyNot(tag));
        if (expected != null && algorithm != expected)
        {
            throw Refuse(number, $"a digest of {algorithm}, where the list's name speaks of {expected}");
        }

        Span<byte> digest = stackalloc byte[HashAlgorithm.MaxSize];
        if (!ListedAlgorithms.TryParse(hex, algorithm, digest))
        {
            throw Refuse(number, $"\"{ListDraft.Show(hex)}\" is no digest of {algorithm}");
        }

        Add(number, algorithm, digest[..algorithm.Size], isEscaped ? Unescape(name, number) : name);
    }

    /// <summary>"-" is no path: what was read from standard input has none.</summary>
    void Add(long number, HashAlgorithm algorithm, ReadOnlySpan<byte> digest, ReadOnlySpan<byte> name)
    {
        var kind = new DigestKind(algorithm, IsVerity: false);
        bool hasPath = !name.SequenceEqual("-"u8);
        if (hasPath)
        {
            draft.Claim((number, 0), name, kind.Slot, digest);
        }

        draft.Add(new ListedDigest { Place = (number, 0), Kind = kind, Bytes = digest, Path = hasPath ? name : default });
    }

    static bool TrySplitPlain(ReadOnlySpan<byte> line, int digits, out ReadOnlySpan<byte> name)
    {
        bool isPlain = digits > 0 && line[digits..] is [(byte)' ', (byte)' ' or (byte)'*', _, ..];
        name = isPlain ? line[(digits + 2)..] : default;
        return isPlain;
    }

    /// <summary>A name may hold ") = ": the last one ends it.</summary>
    static bool TrySplitTagged(
        ReadOnlySpan<byte> line, out ReadOnlySpan<byte> tag, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> hex)
    {
        int open = line.IndexOf((byte)'(');
        int close = line.LastIndexOf(")= "u8) is >= 0 and int tight ? tight : line.LastIndexOf(") = "u8);
        bool isTagged = open > 0 && close > open + 1;
        tag = isTagged ? line[..open].TrimEnd((byte)' ') : default;
        name = isTagged ? line[(open + 1)..close] : default;
        hex = isTagged ? line[(close + 1)..].TrimStart(" ="u8) : default;
        return isTagged;
    }

    ReadOnlySpan<byte> Unescape(ReadOnlySpan<byte> name, long number)
    {
        int length = 0;
        for (int at = 0; at < name.Length; at++)
        {
            _name[length++] = name[at] != '\\' ? name[at] : name[++at..] switch
            {
                [(byte)'\\', ..] => (byte)'\\',
                [(byte)'n', ..] => (byte)'\n',
                [(byte)'r', ..] => (byte)'\r',
                _ => throw Refuse(number, @"in an escaped name ""\"" stands before ""\"", ""n"" or ""r"" only"),
            };
        }

        return _name.AsSpan(0, length);
    }

    PolicyException Refuse(long line, string why) => draft.Refuse((line, 0), why);
}
