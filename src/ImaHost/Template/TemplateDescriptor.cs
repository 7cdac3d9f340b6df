using System.Buffers.Binary;
using System.Text;
using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>A template: its name and its fields in order (struct ima_template_desc of the kernel).</summary>
sealed class TemplateDescriptor
{
    /// <summary>TEMPLATE_NUM_FIELDS_MAX of the kernel.</summary>
    const int MostFields = 15;

    /// <summary>Bytes that <see cref="HashedData"/> may need: a SHA-1 digest and a name padded to 256 bytes.</summary>
    public const int HashedSize = 20 + 256;

    /// <summary>
    /// The first there was: its fields have no lengths before them, and the name is padded before it is hashed.
    /// </summary>
    public static readonly TemplateDescriptor Ima = new("ima", "d|n");

    public static readonly TemplateDescriptor ImaNg = new("ima-ng", "d-ng|n-ng");

    /// <summary>The default: the newest that Keylime reads.</summary>
    public static readonly TemplateDescriptor ImaSig = new("ima-sig", "d-ng|n-ng|sig");

    public static readonly TemplateDescriptor ImaBuf = new("ima-buf", "d-ng|n-ng|buf");

    /// <summary>Custom formats that were met; more than a few are not kept: a hostile list may hold any number.</summary>
    const int MostKept = 32;

    static readonly TemplateDescriptor[] BuiltIn =
    [
        Ima, ImaNg, ImaSig, new("ima-ngv2", "d-ngv2|n-ng"), new("ima-sigv2", "d-ngv2|n-ng|sig"), ImaBuf,
        new("ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig"),
        new("evm-sig", "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"),
    ];

    static TemplateDescriptor[] _known = BuiltIn;

    readonly TemplateField[] _fields;
    readonly string? _format;

    TemplateDescriptor(string name, string format)
        : this(name, TryParse(format) ?? throw new ArgumentException($"no such format: {format}")) => _format = format;

    TemplateDescriptor(string name, TemplateField[] fields)
    {
        Name = name;
        Utf8Name = Encoding.ASCII.GetBytes(name);
        _fields = fields;
        IsLegacy = name == "ima";
        NeedsSha1 = fields.Contains(TemplateField.LegacyDigest);
        NeedsXattrs = fields.Any(field =>
            field == TemplateField.XattrNames || field == TemplateField.XattrLengths || field == TemplateField.XattrValues);
    }

    public string Name { get; }

    public byte[] Utf8Name { get; }

    public IReadOnlyList<TemplateField> Fields => _fields;

    /// <summary>Its data have no lengths: the template "ima".</summary>
    public bool IsLegacy { get; }

    /// <summary>A field holds a SHA-1 digest, whatever files are hashed with.</summary>
    public bool NeedsSha1 { get; }

    /// <summary>Fields hold the attributes that EVM protects.</summary>
    public bool NeedsXattrs { get; }

    /// <summary>The names of the templates that have one.</summary>
    public static IEnumerable<string> Names => BuiltIn.Select(template => template.Name);

    /// <summary>The template of that name, where a name may also be a format ("d-ng|n-ng|iuid"); or null.</summary>
    public static TemplateDescriptor? Find(ReadOnlySpan<byte> name)
    {
        TemplateDescriptor[] known = Volatile.Read(ref _known);
        foreach (TemplateDescriptor template in known)
        {
            if (name.SequenceEqual(template.Utf8Name))
            {
                return template;
            }
        }

        string text = Encoding.Latin1.GetString(name);
        if (TryParse(text) is not { } fields)
        {
            return null;
        }

        var custom = new TemplateDescriptor(text, fields);
        if (known.Length < BuiltIn.Length + MostKept)
        {
            Volatile.Write(ref _known, [.. known, custom]);
        }

        return custom;
    }

    public static TemplateDescriptor? Find(string name) => Find(Encoding.UTF8.GetBytes(name));

    /// <summary>template= of a rule: a format that a built-in template has means that one (lookup_template_desc).</summary>
    public static TemplateDescriptor? FindForRule(string name) =>
        BuiltIn.FirstOrDefault(template => template._format == name) ?? Find(name);

    /// <summary>Appends the template data: each field as a 32-bit length and its bytes.</summary>
    public void AppendData(in FieldSource source, ByteBuilder into)
    {
        if (IsLegacy)
        {
            AppendLegacy(in source, into);
            return;
        }

        foreach (TemplateField field in _fields)
        {
            int mark = into.ReserveLength();
            field.Encode(in source, into);
            into.PatchLength(mark);
        }
    }

    /// <summary>Appends a space and the text of each field, as ima_ascii_measurements_show does.</summary>
    /// <exception cref="RecordException">The data are damaged.</exception>
    public void AppendText(ReadOnlySpan<byte> data, ByteBuilder into)
    {
        foreach (TemplateField field in _fields)
        {
            into.Append((byte)' ');
            field.Show(TakeField(field, ref data), into);
        }

        RequireEnd(data);
    }

    /// <summary>Requires the data to be its fields and no more, and each digest to be one.</summary>
    /// <param name="violation">Whether digests must be zeros.</param>
    /// <exception cref="RecordException">The data are damaged.</exception>
    public void Check(ReadOnlySpan<byte> data, bool violation)
    {
        foreach (TemplateField field in _fields)
        {
            ReadOnlySpan<byte> bytes = TakeField(field, ref data);
            ReadOnlySpan<byte> digest = field.Digest is { } find ? find(bytes) : default;
            if (violation && digest.ContainsAnyExcept((byte)0))
            {
                throw new RecordException($"{field.Id} of a violation is not zeros");
            }
        }

        RequireEnd(data);
    }

    /// <summary>Appends the template data of a line of the ascii list.</summary>
    /// <param name="text">The fields, each after a space.</param>
    /// <exception cref="RecordException">No entry is shown so.</exception>
    public void AppendDataOf(ReadOnlySpan<byte> text, ByteBuilder into)
    {
        foreach (TemplateField field in _fields)
        {
            ReadOnlySpan<byte> shown = TakeText(field, ref text);
            if (IsLegacy && field == TemplateField.LegacyDigest)
            {
                ReadLegacyDigest(shown, into);
                continue;
            }

            int mark = into.ReserveLength();
            field.Read(shown, into);
            into.Truncate(into.Length - (IsLegacy ? 1 : 0));
            into.PatchLength(mark);
        }

        if (!text.IsEmpty)
        {
            throw new RecordException($"\"{FieldText.Quote(text)}\" follows the last field of {Name}");
        }
    }

    /// <summary>The bytes of the next field.</summary>
    /// <exception cref="RecordException">The data end inside it.</exception>
    public ReadOnlySpan<byte> TakeField(TemplateField field, scoped ref ReadOnlySpan<byte> data)
    {
        if (!IsLegacy || field != TemplateField.LegacyDigest)
        {
            return TakeCounted(field, ref data);
        }

        if (data.Length < HashAlgorithm.Sha1.Size)
        {
            throw new RecordException($"{data.Length} bytes are no SHA-1 digest");
        }

        ReadOnlySpan<byte> digest = data[..HashAlgorithm.Sha1.Size];
        data = data[HashAlgorithm.Sha1.Size..];
        return digest;
    }

    /// <summary>What the template digest is taken of (ima_calc_field_array_hash_tfm): the data, but for "ima".</summary>
    /// <param name="scratch">At least <see cref="HashedSize"/> bytes.</param>
    /// <exception cref="RecordException">The data are damaged.</exception>
    public ReadOnlySpan<byte> HashedData(ReadOnlySpan<byte> data, Span<byte> scratch)
    {
        if (!IsLegacy)
        {
            return data;
        }

        ReadOnlySpan<byte> digest = TakeField(TemplateField.LegacyDigest, ref data);
        ReadOnlySpan<byte> name = TakeField(TemplateField.LegacyName, ref data);
        if (name.Length > FieldBytes.MaxLimitedName)
        {
            throw new RecordException($"a name of {name.Length} bytes in template ima, which has room for 255");
        }

        scratch = scratch[..HashedSize];
        scratch.Clear();
        digest.CopyTo(scratch);
        name.CopyTo(scratch[digest.Length..]);
        return scratch;
    }

    void RequireEnd(ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            throw new RecordException($"{data.Length} bytes follow the last field of {Name}");
        }
    }

    static ReadOnlySpan<byte> TakeCounted(TemplateField field, scoped ref ReadOnlySpan<byte> data)
    {
        if (data.Length < 4)
        {
            throw new RecordException($"the template data end before the length of {field.Id}");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(data);
        if (length > data.Length - 4)
        {
            throw new RecordException($"{field.Id} of {length} bytes does not fit in the {data.Length - 4} that are left");
        }

        ReadOnlySpan<byte> bytes = data.Slice(4, (int)length);
        data = data[(4 + (int)length)..];
        return bytes;
    }

    ReadOnlySpan<byte> TakeText(TemplateField field, scoped ref ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] != (byte)' ')
        {
            throw new RecordException($"the field {field.Id} of {Name} is missing");
        }

        text = text[1..];
        int end = text.IndexOf((byte)' ');
        ReadOnlySpan<byte> shown = end < 0 ? text : text[..end];
        text = text[shown.Length..];
        return shown;
    }

    static TemplateField[]? TryParse(string format)
    {
        string[] ids = format.Split('|');
        if (ids.Length > MostFields)
        {
            return null;
        }

        TemplateField?[] fields = [.. ids.Select(id => TemplateField.All.FirstOrDefault(field => field.Id == id))];
        return fields.Contains(null) ? null : fields as TemplateField[];
    }

    /// <summary>
    /// Nothing in the data says how long it is: a longer one could hold the name that is hashed, and the line show another.
    /// </summary>
    static void ReadLegacyDigest(ReadOnlySpan<byte> text, ByteBuilder into)
    {
        if (text.Length != 2 * HashAlgorithm.Sha1.Size)
        {
            throw new RecordException($"\"{FieldText.Quote(text)}\" is no SHA-1 digest");
        }

        TemplateField.LegacyDigest.Read(text, into);
    }

    /// <summary>The digest alone, and the name with a length that does not count its NUL.</summary>
    static void AppendLegacy(in FieldSource source, ByteBuilder into)
    {
        TemplateField.LegacyDigest.Encode(in source, into);
        int mark = into.ReserveLength();
        TemplateField.LegacyName.Encode(in source, into);
        into.Truncate(into.Length - 1);
        into.PatchLength(mark);
    }
}
