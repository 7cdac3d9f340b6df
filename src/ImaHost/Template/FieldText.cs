using System.Buffers;
using System.Buffers.Text;
using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>The kinds of text that fields are shown as (ima_show_template_data_ascii), and the way back.</summary>
static class FieldText
{
    static readonly SearchValues<byte> AlgorithmLetters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-"u8);
    static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);

    public static void ShowHex(ReadOnlySpan<byte> data, ByteBuilder into) => into.AppendHex(data);

    public static void ReadHex(ReadOnlySpan<byte> text, ByteBuilder into)
    {
        if (text.ContainsAnyExcept(HexDigits) || !into.TryAppendFromHex(text))
        {
            throw new RecordException($"\"{Quote(text)}\" is not hexadecimal");
        }
    }

    /// <summary>Up to the first NUL.</summary>
    public static void ShowString(ReadOnlySpan<byte> data, ByteBuilder into)
    {
        int end = data.IndexOf((byte)0);
        into.Append(end < 0 ? data : data[..end]);
    }

    public static void ReadString(ReadOnlySpan<byte> text, ByteBuilder into)
    {
        if (text.Contains((byte)0))
        {
            throw new RecordException($"the name \"{Quote(text)}\" holds a NUL");
        }

        into.Append(text);
        into.Append((byte)0);
    }

    /// <summary>Nothing is shown for nothing, not for an empty string.</summary>
    public static void ReadOptionalString(ReadOnlySpan<byte> text, ByteBuilder into)
    {
        if (!text.IsEmpty)
        {
            ReadString(text, into);
        }
    }

    /// <summary>"sha256:" NUL digest, as "sha256:" and hexadecimal digits.</summary>
    public static void ShowDigest(ReadOnlySpan<byte> data, ByteBuilder into)
    {
        if (data.IsEmpty)
        {
            return;
        }

        ReadOnlySpan<byte> digest = DigestIn(data);
        into.Append(data[..^(digest.Length + 1)]);
        into.AppendHex(digest);
    }

    /// <summary>The digest that follows "sha256:" NUL or "ima:sha256:" NUL.</summary>
    /// <exception cref="RecordException">It has no such beginning, or not the size that its algorithm gives.</exception>
    public static ReadOnlySpan<byte> DigestIn(ReadOnlySpan<byte> data)
    {
        int end = data.IndexOf((byte)0);
        ReadOnlySpan<byte> name = end < 0 ? default : AlgorithmOf(data[..end]);
        if (name.IsEmpty)
        {
            throw new RecordException($"a digest of {data.Length} bytes does not begin with its algorithm");
        }

        ReadOnlySpan<byte> digest = data[(end + 1)..];
        RequireSize(digest, name);
        return digest;
    }

    public static void ReadDigest(ReadOnlySpan<byte> text, ByteBuilder into)
    {
        if (text.IsEmpty)
        {
            return;
        }

        int end = text.LastIndexOf((byte)':') + 1;
        ReadOnlySpan<byte> name = AlgorithmOf(text[..end]);
        if (name.IsEmpty)
        {
            throw new RecordException($"the digest \"{Quote(text)}\" does not begin with its algorithm");
        }

        into.Append(text[..end]);
        into.Append((byte)0);
        int start = into.Length;
        ReadHex(text[end..], into);
        RequireSize(into.Written[start..], name);
    }

    /// <summary>Decimal; the kernel shows nothing for a number of odd size.</summary>
    public static void ShowNumber(ReadOnlySpan<byte> data, ByteBuilder into)
    {
        if (data.Length is 1 or 2 or 4 or 8)
        {
            ulong number = 0;
            for (int i = data.Length - 1; i >= 0; i--)
            {
                number = (number << 8) | data[i];
            }

            into.AppendDecimal(number);
        }
    }

    /// <param name="size">Bytes of the field.</param>
    public static void ReadNumber(ReadOnlySpan<byte> text, int size, ByteBuilder into)
    {
        if (text.IsEmpty)
        {
            return;
        }

        bool isPadded = text.Length > 1 && text[0] == (byte)'0';
        if (isPadded || !Utf8Parser.TryParse(text, out ulong number, out int used) || used != text.Length
            || number >> (8 * size) != 0)
        {
            throw new RecordException($"\"{Quote(text)}\" is not a number of {size} bytes");
        }

        FieldBytes.AppendNumber(number, size, into);
    }

    /// <summary>What is not understood, short and harmless enough for a message.</summary>
    public static string Quote(ReadOnlySpan<byte> text)
    {
        const int most = 40;
        string head = EntryName.ToText(text[..Math.Min(text.Length, most)]);
        return text.Length > most ? head + "…" : head;
    }

    /// <summary>"sha256" of "sha256:", "ima:sha256:" and "verity:sha256:"; nothing of anything else.</summary>
    public static ReadOnlySpan<byte> AlgorithmOf(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty || head[^1] != (byte)':')
        {
            return default;
        }

        ReadOnlySpan<byte> name = head[..^1];
        int type = name.IndexOf((byte)':');
        if (type >= 0)
        {
            name = name[..type].SequenceEqual("ima"u8) || name[..type].SequenceEqual("verity"u8)
                ? name[(type + 1)..]
                : default;
        }

        return name.ContainsAnyExcept(AlgorithmLetters) ? default : name;
    }

    /// <summary>Some kernels showed a violation as 20 zeros under the name of any algorithm.</summary>
    static void RequireSize(ReadOnlySpan<byte> digest, ReadOnlySpan<byte> algorithm)
    {
        if (HashAlgorithm.FromName(algorithm) is { } known && digest.Length != known.Size
            && (digest.Length != HashAlgorithm.Sha1.Size || digest.ContainsAnyExcept((byte)0)))
        {
            throw new RecordException($"{digest.Length} bytes are no {known} digest");
        }
    }
}
