using System.Buffers;
using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.MeasurementList;

/// <summary>
/// Walks through the records of an ascii list. The kernel writes file names as they are, so a record may span lines: a
/// line that does not begin as a record does belongs to the one before it.
/// </summary>
sealed class AsciiReader(ByteSource source) : RecordReader(source)
{
    /// <summary>Longer records are taken for damage: twice the longest data there can be.</summary>
    const int MaxRecord = 1 << 26;

    /// <summary>Blank, digit, blank, forty hexadecimal digits, blank.</summary>
    const int LeastHeader = 44;
    const int MostHeader = DigestAt + (2 * HashAlgorithm.MaxSize) + 1;
    const int DigestAt = 3;

    static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);

    readonly ByteBuilder _data = new();
    readonly byte[] _digest = new byte[HashAlgorithm.MaxSize];

    /// <summary>Does a list begin like this, in ascii?</summary>
    public static bool IsHeader(ReadOnlySpan<byte> text) =>
        text.Length >= LeastHeader && text[0] is (byte)' ' or (>= (byte)'1' and <= (byte)'9')
        && char.IsAsciiDigit((char)text[1]) && text[2] == ' ' && DigestDigits(text) is 40 or 64 or 96 or 128;

    protected override bool TryTake(ReadOnlySpan<byte> bytes, bool ended, out MeasurementRecord record, out int size)
    {
        record = default;
        int length = FindEnd(bytes, ended);
        size = length + 1;
        if (length < 0 && bytes.Length > MaxRecord)
        {
            throw new RecordException($"no record is longer than {MaxRecord} bytes");
        }

        if (length >= 0)
        {
            record = Parse(bytes[..length]);
        }

        return length >= 0;
    }

    static int DigestDigits(ReadOnlySpan<byte> text)
    {
        int end = text[DigestAt..].IndexOfAnyExcept(HexDigits);
        return end < 0 || text[DigestAt + end] != ' ' ? 0 : end;
    }

    MeasurementRecord Parse(ReadOnlySpan<byte> text)
    {
        if (!IsHeader(text))
        {
            throw new RecordException($"\"{FieldText.Quote(text)}\" does not begin with a PCR and a template digest");
        }

        int digits = DigestDigits(text);
        _ = Convert.FromHexString(text.Slice(DigestAt, digits), _digest, out _, out int size);
        int pcr = ((text[0] == ' ' ? 0 : text[0] - '0') * 10) + text[1] - '0';
        ReadOnlySpan<byte> rest = text[(DigestAt + digits + 1)..];
        int end = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> name = end < 0 ? rest : rest[..end];
        TemplateDescriptor template = TemplateDescriptor.Find(name)
            ?? throw new RecordException($"unknown template \"{FieldText.Quote(name)}\"");
        _data.Clear();
        template.AppendDataOf(rest[name.Length..], _data);
        return new MeasurementRecord
        {
            Pcr = pcr,
            TemplateDigest = _digest.AsSpan(0, size),
            TemplateName = template.Utf8Name,
            Data = _data.Written,
        };
    }

    /// <summary>Bytes of the next record without its newline, or -1 when there is no whole one.</summary>
    static int FindEnd(ReadOnlySpan<byte> bytes, bool ended)
    {
        for (int from = 0; ;)
        {
            int newline = bytes[from..].IndexOf((byte)'\n');
            int next = from + newline + 1;
            if (newline < 0)
            {
                // What follows the last newline was cut off; the record before it is whole.
                return ended ? from - 1 : -1;
            }

            if (!ended && bytes.Length - next < MostHeader)
            {
                return -1;
            }

            if (next == bytes.Length || IsHeader(bytes[next..]))
            {
                return next - 1;
            }

            from = next;
        }
    }
}
