using System.Buffers.Binary;
using System.Text;

namespace ImaHost.Template;

/// <summary>A template: its name and its fields in order (struct ima_template_desc of the kernel).</summary>
sealed class TemplateDescriptor
{
    public static readonly TemplateDescriptor ImaNg = new("ima-ng", TemplateField.DigestNg, TemplateField.NameNg);

    /// <summary>The default: the newest that Keylime reads.</summary>
    public static readonly TemplateDescriptor ImaSig = new(
        "ima-sig", TemplateField.DigestNg, TemplateField.NameNg, TemplateField.Signature);

    static readonly TemplateDescriptor[] BuiltIn = [ImaNg, ImaSig];

    readonly TemplateField[] _fields;

    TemplateDescriptor(string name, params TemplateField[] fields)
    {
        Name = name;
        Utf8Name = Encoding.ASCII.GetBytes(name);
        _fields = fields;
    }

    public string Name { get; }

    public byte[] Utf8Name { get; }

    /// <summary>The template of that name, or null.</summary>
    public static TemplateDescriptor? Find(ReadOnlySpan<byte> name)
    {
        foreach (TemplateDescriptor template in BuiltIn)
        {
            if (name.SequenceEqual(template.Utf8Name))
            {
                return template;
            }
        }

        return null;
    }

    /// <summary>Appends the template data: each field as a 32-bit length and its bytes.</summary>
    public void AppendData(in FieldSource source, ByteBuilder into)
    {
        foreach (TemplateField field in _fields)
        {
            int mark = into.ReserveLength();
            field.Encode(in source, into);
            into.PatchLength(mark);
        }
    }

    /// <summary>Appends a space and the text of each field, as ima_ascii_measurements_show does.</summary>
    public void AppendText(ReadOnlySpan<byte> data, ByteBuilder into)
    {
        foreach (TemplateField field in _fields)
        {
            into.Append((byte)' ');
            field.Show(TakeField(ref data), into);
        }
    }

    /// <summary>The bytes of the next field.</summary>
    /// <exception cref="RecordException">The data end inside it.</exception>
    public static ReadOnlySpan<byte> TakeField(ref ReadOnlySpan<byte> data)
    {
        if (data.Length < 4)
        {
            throw new RecordException("the template data end before a field's length");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(data);
        if (length > data.Length - 4)
        {
            throw new RecordException($"a field of {length} bytes does not fit in the {data.Length - 4} that are left");
        }

        ReadOnlySpan<byte> field = data.Slice(4, (int)length);
        data = data[(4 + (int)length)..];
        return field;
    }
}
