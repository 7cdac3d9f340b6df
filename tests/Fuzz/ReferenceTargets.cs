using System.Text;
using ImaHost.Appraisal;
using ImaHost.Policy;

namespace ImaHost.Fuzz;

/// <summary>
/// The readers of reference lists. For any bytes: nothing but <see cref="PolicyException"/> is thrown, and its message is
/// one line that is not long; every digest of a list that is accepted stands in a line there is, and is bound to a
/// pattern there is. In what sha256sum writes every digest stands in its line as it was read.
/// </summary>
static class ReferenceTargets
{
    const int LongestMessage = 1000;
    const int Limit = 10_000;

    public static void RunSums(ReadOnlySpan<byte> input) =>
        Run(input, (content, draft) => SumsReader.Read(content, draft, expected: null), isPlain: true);

    public static void RunYaml(ReadOnlySpan<byte> input) => Run(input, YamlListReader.Read, isPlain: false);

    public static void RunKeylime(ReadOnlySpan<byte> input) => Run(input, KeylimePolicyReader.Read, isPlain: false);

    static void Run(ReadOnlySpan<byte> input, Action<Stream, ListDraft> read, bool isPlain)
    {
        bool isPackage = input.StartsWith("# imahost"u8);
        var source = new ReferenceSource(isPackage ? Vouching.Package : Vouching.Reference, "fuzz", default);
        var rows = new RowBuffer();
        byte[] bytes = input.ToArray();
        using var content = new MemoryStream(bytes, writable: false);
        try
        {
            var draft = new ListDraft(source, 1, rows, new PathTag(new byte[PathTag.SaltBytes]), Limit);
            read(content, draft);
            source = draft.Finish();
        }
        catch (PolicyException e)
        {
            Property.Holds(
                e.Message.Length <= LongestMessage && !e.Message.Any(char.IsControl), $"an error that cannot be shown: {e.Message}");
            return;
        }

        Check(source, rows, bytes, isPlain);
    }

    static void Check(ReferenceSource source, RowBuffer rows, byte[] input, bool isPlain)
    {
        string[] lines = Encoding.Latin1.GetString(input).Split('\n');
        int count = 0;
        foreach (DigestKind kind in rows.Slots.Select(DigestKind.OfSlot))
        {
            ReadOnlySpan<byte> all = rows.RowsOf(kind.Slot);
            for (int at = 0; at < all.Length; at += kind.RowBytes, count++)
            {
                var row = new ReferenceRow(all.Slice(at, kind.RowBytes));
                Property.Holds(row.Source == 1, $"a row of list {row.Source}");
                Property.Holds(
                    row.Binding != PathBinding.Pattern || row.Tag < (ulong)source.Patterns.Count, $"a pattern {row.Tag} that is none");
                string hex = Convert.ToHexStringLower(all.Slice(at, kind.Algorithm.Size));
                Property.Holds(
                    !isPlain || lines[row.Line - 1].Contains(hex, StringComparison.OrdinalIgnoreCase),
                    $"{hex} does not stand in line {row.Line}");
            }
        }

        Property.Holds(count == source.Count, $"{count} rows of {source.Count} digests");
    }
}
