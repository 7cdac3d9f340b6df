using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>The bytes are not a measurement record.</summary>
sealed class RecordException(string message) : FormatException(message);

/// <summary>
/// One record of binary_runtime_measurements (ima_measurements_show): PCR, SHA-1 template digest, template name,
/// template data. Integers are little-endian.
/// </summary>
readonly ref struct MeasurementRecord
{
    /// <summary>Longer names and data are taken for damage, not for memory to allocate.</summary>
    const int MaxName = 255;
    const int MaxData = 1 << 24;
    const int FixedSize = 4 + 20 + 4;

    /// <summary>Bytes of a record besides its data, at most.</summary>
    public const int MostOverhead = FixedSize + MaxName + 4;

    public int Pcr { get; init; }

    /// <summary>20 bytes, whatever the banks; all zero for a violation.</summary>
    public ReadOnlySpan<byte> TemplateDigest { get; init; }

    public ReadOnlySpan<byte> TemplateName { get; init; }

    public ReadOnlySpan<byte> Data { get; init; }

    public bool IsViolation => !TemplateDigest.ContainsAnyExcept((byte)0);

    /// <summary>Takes the record at the start of <paramref name="bytes"/>.</summary>
    /// <param name="size">Its bytes.</param>
    /// <returns>False when more bytes are needed.</returns>
    /// <exception cref="RecordException">No record can begin like this.</exception>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out MeasurementRecord record, out int size)
    {
        record = default;
        size = 0;
        if (bytes.Length < FixedSize)
        {
            return false;
        }

        uint nameLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]);
        if (nameLength is 0 or > MaxName)
        {
            throw new RecordException($"a template name of {nameLength} bytes");
        }

        int dataAt = FixedSize + (int)nameLength + 4;
        if (bytes.Length < dataAt)
        {
            return false;
        }

        uint dataLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(dataAt - 4)..]);
        if (dataLength > MaxData)
        {
            throw new RecordException($"template data of {dataLength} bytes");
        }

        if (bytes.Length - dataAt < (int)dataLength)
        {
            return false;
        }

        size = dataAt + (int)dataLength;
        record = new MeasurementRecord
        {
            Pcr = BinaryPrimitives.ReadInt32LittleEndian(bytes),
            TemplateDigest = bytes.Slice(4, HashAlgorithm.Sha1.Size),
            TemplateName = bytes.Slice(FixedSize, (int)nameLength),
            Data = bytes.Slice(dataAt, (int)dataLength),
        };
        return true;
    }

    public void AppendBinary(ByteBuilder into)
    {
        into.AppendUInt32((uint)Pcr);
        into.Append(TemplateDigest);
        into.AppendUInt32((uint)TemplateName.Length);
        into.Append(TemplateName);
        into.AppendUInt32((uint)Data.Length);
        into.Append(Data);
    }

    /// <summary>Appends the line of ascii_runtime_measurements (ima_ascii_measurements_show).</summary>
    /// <exception cref="RecordException">The template is unknown or its data are damaged.</exception>
    public void AppendAscii(ByteBuilder into)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(TemplateName)
            ?? throw new RecordException($"unknown template \"{System.Text.Encoding.UTF8.GetString(TemplateName)}\"");
        into.AppendDecimal(Pcr, width: 2);
        into.Append((byte)' ');
        into.AppendHex(TemplateDigest);
        into.Append((byte)' ');
        into.Append(TemplateName);
        template.AppendText(Data, into);
        into.Append((byte)'\n');
    }
}
