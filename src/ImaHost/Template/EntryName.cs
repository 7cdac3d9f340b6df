using System.Buffers;
using System.Globalization;
using System.Text;

namespace ImaHost.Template;

/// <summary>
/// File names as they stand in template data. The kernel writes every space as "_" before it hashes
/// (ima_write_template_field_data). We also write control characters and bytes that are not UTF-8 as \xNN: one such
/// name would otherwise break every reader of the ascii list for good. The list replays all the same, because the
/// template digest is taken of what is written.
/// </summary>
static class EntryName
{
    static readonly SearchValues<byte> PlainText =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7e - 0x20).Where(letter => letter != '"').Select(letter => (byte)letter)]);

    /// <summary>
    /// The name for a line of log: spaces stay, and what could forge a line or turn it round (quotes, characters that
    /// only format) is escaped too.
    /// </summary>
    public static string ToText(ReadOnlySpan<byte> name)
    {
        var text = new ByteBuilder(name.Length + 16);
        Append(name, text, isText: true);
        return Encoding.UTF8.GetString(text.Written);
    }

    /// <summary>
    /// A line for a terminal, names that somebody chose among its words: what could move the cursor or begin a line is
    /// escaped as in a name. Quotes are the line's own.
    /// </summary>
    public static string ToLine(string line) =>
        string.Join('"', line.Split('"').Select(part => ToText(Encoding.UTF8.GetBytes(part))));

    public static void Append(ReadOnlySpan<byte> name, ByteBuilder into) => Append(name, into, isText: false);

    static void Append(ReadOnlySpan<byte> name, ByteBuilder into, bool isText)
    {
        while (!name.IsEmpty)
        {
            int plain = isText ? name.IndexOfAnyExcept(PlainText) : name.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e);
            if (plain < 0)
            {
                into.Append(name);
                return;
            }

            into.Append(name[..plain]);
            name = name[plain..];
            name = name[AppendSpecial(name, into, isText)..];
        }
    }

    /// <summary>Appends the first character, which is not printable ASCII.</summary>
    /// <returns>The bytes it took.</returns>
    static int AppendSpecial(ReadOnlySpan<byte> name, ByteBuilder into, bool isText)
    {
        if (name[0] == (byte)' ')
        {
            into.Append(isText ? (byte)' ' : (byte)'_');
            return 1;
        }

        bool valid = Rune.DecodeFromUtf8(name, out Rune rune, out int length) == OperationStatus.Done;
        bool hides = isText && (rune.Value == '"' || Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format);
        if (valid && !hides && !Rune.IsControl(rune))
        {
            into.Append(name[..length]);
            return length;
        }

        for (int i = 0; i < length; i++)
        {
            into.Append("\\x"u8);
            into.AppendHex(name.Slice(i, 1));
        }

        return length;
    }
}
