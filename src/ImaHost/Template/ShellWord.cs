using System.Text;

namespace ImaHost.Template;

/// <summary>
/// One word of a command that somebody is told to paste into a shell. File names are made by whoever may make files, and
/// who pastes is root: nothing in a name may end the word.
/// </summary>
static class ShellWord
{
    /// <summary>
    /// In '…' where the name is plain text, a quote as '\''. What could forge a line or turn it round, and bytes that are
    /// no UTF-8, want $'…', where every backslash of the name is doubled. A quote is \x27 there and not \': a shell that
    /// does not know $'…' takes it for '…', and would see the word end.
    /// </summary>
    /// <param name="word">The bytes as the kernel has them, with nothing escaped.</param>
    public static string Quote(ReadOnlySpan<byte> word)
    {
        string shown = EntryName.ToText(word);
        if (word.SequenceEqual(Encoding.UTF8.GetBytes(shown)))
        {
            return $"'{shown.Replace("'", @"'\''", StringComparison.Ordinal)}'";
        }

        var text = new StringBuilder("$'");
        for (int end; (end = word.IndexOfAny((byte)'\\', (byte)'\'')) >= 0; word = word[(end + 1)..])
        {
            _ = text.Append(EntryName.ToText(word[..end])).Append(word[end] == '\\' ? @"\\" : @"\x27");
        }

        return text.Append(EntryName.ToText(word)).Append('\'').ToString();
    }

    /// <summary>As <see cref="Quote"/>, but a word that no shell finds anything in stays bare.</summary>
    public static string Of(string word) =>
        word.Length > 0 && word.All(one => char.IsAsciiLetterOrDigit(one) || one is '/' or '-' or '_' or '.' or '=' or ':' or '+')
            ? word
            : Quote(Encoding.UTF8.GetBytes(word));
}
