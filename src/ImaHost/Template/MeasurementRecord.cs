using System.Buffers.Binary;
using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>The bytes are not a measurement record.</summary>
/// <param name="place">Which record, and where it begins; nothing while that is not known.</param>
sealed class RecordException(string reason, string place = "") : FormatException(place + reason)
{
    /// <summary>What is wrong, without the place.</summary>
    public string Reason { get; } = reason;
}

/// <summary>
/// One record of binary_runtime_measurements (ima_measurements_show): PCR, template digest, template name, template
/// data. Integers are little-endian.
/// </summary>
readonly ref struct MeasurementRecord
{
    /// <summary>Longer names and data are taken for damage, not for memory to allocate.</summary>
    const int MaxName = 255;
    const int MaxData = 1 << 24;

    /// <summary>Bytes of a record besides its data, at most.</summary>
    public const int MostOverhead = 4 + HashAlgorithm.MaxSize + 4 + MaxName + 4;

    public int Pcr { get; init; }

    /// <summary>
    /// The template digest, all zero for a violation. SHA-1 in the list itself, whatever the banks; in its twins, which
    /// are named after an algorithm, a digest of that.
    /// </summary>
    public ReadOnlySpan<byte> TemplateDigest { get; init; }

    public ReadOnlySpan<byte> TemplateName { get; init; }

    public ReadOnlySpan<byte> Data { get; init; }

    public bool IsViolation => !TemplateDigest.ContainsAnyExcept((byte)0);

    /// <summary>Its template. Only who looks into the data needs to know it.</summary>
    /// <exception cref="RecordException">It is unknown.</exception>
    public TemplateDescriptor Template =>
        TemplateDescriptor.Find(TemplateName)
        ?? throw new RecordException($"unknown template \"{FieldText.Quote(TemplateName)}\"");

    bool IsLegacy => IsLegacyName(TemplateName);

    /// <summary>What template digests are taken of.</summary>
    /// <param name="scratch">At least <see cref="TemplateDescriptor.HashedSize"/> bytes.</param>
    /// <exception cref="RecordException">The data are damaged.</exception>
    public ReadOnlySpan<byte> HashedData(Span<byte> scratch) =>
        IsLegacy ? TemplateDescriptor.Ima.HashedData(Data, scratch) : Data;

    /// <summary>Why no reader would take an entry, or null.</summary>
    public static string? WhyUnreadable(ReadOnlySpan<byte> templateName, ReadOnlySpan<byte> data) =>
        templateName.Length is 0 or > MaxName ? $"a template name of {templateName.Length} bytes, the most is {MaxName}"
        : data.Length > MaxData ? $"template data of {data.Length} bytes, the most is {MaxData}"
        : null;

    /// <summary>Takes the record at the start of <paramref name="bytes"/>.</summary>
    /// <param name="size">Its bytes.</param>
    /// <param name="digestSize">Bytes of a template digest: 20 but for the twins of other algorithms.</param>
    /// <returns>False when more bytes are needed.</returns>
    /// <exception cref="RecordException">No record can begin like this.</exception>
    public static bool TryRead(
        ReadOnlySpan<byte> bytes, out MeasurementRecord record, out int size, int digestSize = 20)
    {
        record = default;
        size = 0;
        int nameAt = 4 + digestSize + 4;
        if (bytes.Length < nameAt)
        {
            return false;
        }

        uint nameLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(nameAt - 4)..]);
        if (nameLength is 0 or > MaxName)
        {
            throw new RecordException($"a template name of {nameLength} bytes");
        }

        int nameEnd = nameAt + (int)nameLength;
        if (bytes.Length < nameEnd)
        {
            return false;
        }

        ReadOnlySpan<byte> name = bytes[nameAt..nameEnd];
        int dataAt = IsLegacyName(name) ? nameEnd : nameEnd + 4;
        if (!TryMeasureData(bytes[nameEnd..], IsLegacyName(name), out int dataLength) || bytes.Length - dataAt < dataLength)
        {
            return false;
        }

        size = dataAt + dataLength;
        record = new MeasurementRecord
        {
            Pcr = BinaryPrimitives.ReadInt32LittleEndian(bytes),
            TemplateDigest = bytes.Slice(4, digestSize),
            TemplateName = name,
            Data = bytes.Slice(dataAt, dataLength),
        };
        return true;
    }

    /// <summary>The name of what was measured, or nothing where the template has no name.</summary>
    /// <exception cref="RecordException">The template is unknown or its data are damaged.</exception>
    public ReadOnlySpan<byte> ReadName()
    {
        TemplateDescriptor template = Template;
        ReadOnlySpan<byte> data = Data;

        // Not foreach, which makes an enumerator: this is asked of each entry when a long list is opened.
        for (int i = 0; i < template.Fields.Count; i++)
        {
            TemplateField field = template.Fields[i];
            ReadOnlySpan<byte> bytes = template.TakeField(field, ref data);
            if (field == TemplateField.NameNg || field == TemplateField.LegacyName)
            {
                return bytes.TrimEnd((byte)0);
            }
        }

        return default;
    }

    public void AppendBinary(ByteBuilder into) => AppendBinary(TemplateDigest, into);

    /// <summary>Appends the record with another digest in the place of its own.</summary>
    public void AppendBinary(ReadOnlySpan<byte> digest, ByteBuilder into)
    {
        into.AppendUInt32((uint)Pcr);
        into.Append(digest);
        into.AppendUInt32((uint)TemplateName.Length);
        into.Append(TemplateName);
        if (!IsLegacy)
        {
            into.AppendUInt32((uint)Data.Length);
        }

        into.Append(Data);
    }

    public void AppendAscii(ByteBuilder into) => AppendAscii(TemplateDigest, into);

    /// <summary>Appends the line of ascii_runtime_measurements (ima_ascii_measurements_show) with that digest.</summary>
    /// <exception cref="RecordException">The template is unknown or its data are damaged.</exception>
    public void AppendAscii(ReadOnlySpan<byte> digest, ByteBuilder into)
    {
        TemplateDescriptor template = Template;
        into.AppendDecimal(Pcr, width: 2);
        into.Append((byte)' ');
        into.AppendHex(digest);
        into.Append((byte)' ');
        into.Append(TemplateName);
        template.AppendText(Data, into);
        into.Append((byte)'\n');
    }

    static bool IsLegacyName(ReadOnlySpan<byte> name) => name.SequenceEqual("ima"u8);

    /// <summary>How long are the data? They say so themselves, but in template "ima", where only the name does.</summary>
    /// <param name="bytes">What follows the template's name.</param>
    static bool TryMeasureData(ReadOnlySpan<byte> bytes, bool isLegacy, out int length)
    {
        length = 0;
        int lengthAt = isLegacy ? HashAlgorithm.Sha1.Size : 0;
        if (bytes.Length < lengthAt + 4)
        {
            return false;
        }

        uint counted = BinaryPrimitives.ReadUInt32LittleEndian(bytes[lengthAt..]);
        if (counted > MaxData)
        {
            throw new RecordException($"template data of {counted} bytes");
        }

        length = isLegacy ? lengthAt + 4 + (int)counted : (int)counted;
        return true;
    }
}
