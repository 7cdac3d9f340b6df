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
    /// <summary>The name on one line for people to read, spaces and all.</summary>
    public static string ToText(ReadOnlySpan<byte> name)
    {
        var text = new ByteBuilder(name.Length + 16);
        Append(name, text, (byte)' ');
        return Encoding.UTF8.GetString(text.Written);
    }

    /// <param name="space">What a space becomes.</param>
    public static void Append(ReadOnlySpan<byte> name, ByteBuilder into, byte space = (byte)'_')
    {
        while (!name.IsEmpty)
        {
            int plain = name.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e);
            if (plain < 0)
            {
                into.Append(name);
                return;
            }

            into.Append(name[..plain]);
            name = name[plain..];
            name = name[AppendSpecial(name, into, space)..];
        }
    }

    /// <summary>Appends the first character, which is not printable ASCII.</summary>
    /// <returns>The bytes it took.</returns>
    static int AppendSpecial(ReadOnlySpan<byte> name, ByteBuilder into, byte space)
    {
        if (name[0] == (byte)' ')
        {
            into.Append(space);
            return 1;
        }

        bool valid = Rune.DecodeFromUtf8(name, out Rune rune, out int length) == System.Buffers.OperationStatus.Done;
        if (valid && !Rune.IsControl(rune))
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
