using ImaHost.MeasurementList;
using ImaHost.Template;

namespace ImaHost.Fuzz;

/// <summary>What a line of the ascii list does not tell of its record, so that no reader can give it back.</summary>
static class AsciiLoss
{
    /// <summary>
    /// Does the line hold the whole record? Its PCR has at most two digits; every name ends in its only NUL (in
    /// template "ima" it has none) and has no space; a list of attribute names is such a name or empty; a number has
    /// the size of its field or is missing; and no line within the record looks like the beginning of one. Digests and
    /// hexadecimal fields lose nothing when they are shown at all.
    /// </summary>
    public static bool IsShownWhole(in MeasurementRecord record, ReadOnlySpan<byte> line)
    {
        if (record.Pcr is < 0 or > 99 || HoldsHeader(line))
        {
            return false;
        }

        TemplateDescriptor template = record.Template;
        ReadOnlySpan<byte> data = record.Data;
        foreach (TemplateField field in template.Fields)
        {
            if (!IsShownWhole(template, field, template.TakeField(field, ref data)))
            {
                return false;
            }
        }

        return true;
    }

    static bool IsShownWhole(TemplateDescriptor template, TemplateField field, ReadOnlySpan<byte> bytes)
    {
        if (field == TemplateField.LegacyName || field == TemplateField.NameNg)
        {
            return template.IsLegacy ? !bytes.ContainsAny((byte)0, (byte)' ') : IsName(bytes);
        }

        if (field == TemplateField.XattrNames)
        {
            return bytes.IsEmpty || (bytes.Length > 1 && IsName(bytes));
        }

        if (field == TemplateField.Uid || field == TemplateField.Gid)
        {
            return bytes.Length is 0 or 4;
        }

        return field != TemplateField.Mode || bytes.Length is 0 or 2;
    }

    static bool IsName(ReadOnlySpan<byte> bytes) =>
        !bytes.IsEmpty && bytes[^1] == 0 && !bytes[..^1].ContainsAny((byte)0, (byte)' ');

    static bool HoldsHeader(ReadOnlySpan<byte> line)
    {
        for (int newline; (newline = line.IndexOf((byte)'\n')) >= 0;)
        {
            line = line[(newline + 1)..];
            if (AsciiReader.IsHeader(line))
            {
                return true;
            }
        }

        return false;
    }
}
