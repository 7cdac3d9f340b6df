using System.Text;
using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Learning;

/// <summary>
/// A draft as a file: already in the form in which it will be in force, after comments that say what it is. What was left
/// out stands in comments too, so that taking it in is a matter of an editor.
/// </summary>
static class DraftText
{
    public const string Title = "# imahost draft 1";
    public const string As = "# as: ";
    public const string Of = "# of: ";
    public const string Note = "# note: ";
    public const string LeftOut = "# left out (";
    public const string AfterReason = "): ";

    /// <param name="source">The list, and when it was read.</param>
    public static byte[] Write(DraftKind kind, HashAlgorithm algorithm, string source, Learned learned)
    {
        var text = new ByteBuilder();
        Line(text, Title);
        Line(text, $"{As}{Draft.WordOf(kind, algorithm)}{(kind == DraftKind.Sums ? "" : $" {algorithm}")}");
        Line(text, Of + source);
        foreach (string note in learned.Notes)
        {
            Line(text, Note + note);
        }

        switch (kind)
        {
            case DraftKind.Sums:
                WriteSums(learned, text);
                break;
            case DraftKind.Yaml:
                WriteYaml(learned, text);
                break;
            case DraftKind.Policy:
            default:
                WritePolicy(learned, text);
                break;
        }

        foreach (LeftOut one in learned.LeftOut)
        {
            text.Append(Encoding.UTF8.GetBytes($"{LeftOut}{one.Reason}{AfterReason}"));
            SumsLine.Append(one.Digest, one.Path, text);
            text.Append((byte)'\n');
        }

        return text.Written.ToArray();
    }

    /// <summary>A draft without what is only for its review.</summary>
    public static byte[] Strip(ReadOnlySpan<byte> draft)
    {
        var text = new ByteBuilder(draft.Length);
        byte[] leftOut = Encoding.UTF8.GetBytes(LeftOut);
        byte[] title = Encoding.UTF8.GetBytes(Title);
        foreach (Range range in draft.TrimEnd((byte)'\n').Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = draft[range];
            if (!line.StartsWith(leftOut) && !line.SequenceEqual(title))
            {
                text.Append(line);
                text.Append((byte)'\n');
            }
        }

        return text.Written.ToArray();
    }

    static void WriteSums(Learned learned, ByteBuilder text)
    {
        foreach (LearnedFile file in learned.Taken)
        {
            SumsLine.Append(file.Digest, file.Path, text);
            text.Append((byte)'\n');
        }
    }

    static void WriteYaml(Learned learned, ByteBuilder text)
    {
        Line(text, "version: 1");
        Line(text, learned.Taken.Count == 0 ? "digests: []" : "digests:");
        foreach (LearnedFile file in learned.Taken)
        {
            string digest = $"{file.Digest.Algorithm}: {Convert.ToHexStringLower(file.Digest.Bytes)}";
            Line(text, $"  - {{{digest}, path: {YamlGlob.Quote(YamlGlob.Of(file.Path))}}}");
        }
    }

    /// <summary>Rules that only log: they show what is missing before anything is denied.</summary>
    static void WritePolicy(Learned learned, ByteBuilder text)
    {
        List<BytePath> directories = TopDirectories(learned.Taken);
        Line(text, "version: 1");
        Line(text, directories.Count == 0 ? "rules: []" : "rules:");
        foreach (BytePath directory in directories)
        {
            string path = YamlGlob.Quote($"{YamlGlob.Of(directory).TrimEnd('/')}/**");
            foreach (string hook in (string[])["BPRM_CHECK", "MMAP_CHECK"])
            {
                Line(text, "  - action: appraise");
                Line(text, $"    func: {hook}");
                Line(text, $"    path: {path}");
                Line(text, "    by: [reference]");
                Line(text, "    mode: log");
            }
        }
    }

    /// <summary>Directories that files lie in, but those that lie in another one.</summary>
    static List<BytePath> TopDirectories(IReadOnlyList<LearnedFile> files)
    {
        var top = new List<BytePath>();
        foreach (BytePath directory in files.Select(file => file.Path.Directory).Distinct().Order())
        {
            if (!top.Exists(directory.IsAtOrBelow))
            {
                top.Add(directory);
            }
        }

        return top;
    }

    static void Line(ByteBuilder text, string line)
    {
        text.Append(Encoding.UTF8.GetBytes(line));
        text.Append((byte)'\n');
    }
}
