namespace ImaHost.Template;

/// <summary>
/// One field of a template: how its bytes are made, how they are shown, and how they are read back from what is shown.
/// Source: supported_fields in ima_template.c of the kernel, with ima_template_lib.c.
/// </summary>
sealed class TemplateField
{
    public delegate void Encoder(in FieldSource source, ByteBuilder into);

    /// <summary>Appends the text of a field's bytes.</summary>
    /// <exception cref="RecordException">They are damaged.</exception>
    public delegate void Display(ReadOnlySpan<byte> data, ByteBuilder into);

    /// <summary>Appends the bytes of a field that is shown as this text.</summary>
    /// <exception cref="RecordException">No field is shown so.</exception>
    public delegate void Decoder(ReadOnlySpan<byte> text, ByteBuilder into);

    /// <summary>Finds the digest in a field's bytes.</summary>
    /// <exception cref="RecordException">There is none as there should be.</exception>
    public delegate ReadOnlySpan<byte> Finder(ReadOnlySpan<byte> data);

    /// <summary>d: a SHA-1 digest without its name.</summary>
    public static readonly TemplateField LegacyDigest = new(
        "d", (in FieldSource source, ByteBuilder into) => FieldBytes.AppendSha1(in source, into),
        FieldText.ShowHex, FieldText.ReadHex, data => data);

    /// <summary>n: the name with its NUL, 255 bytes at most: the last part of a longer path.</summary>
    public static readonly TemplateField LegacyName = new(
        "n", (in FieldSource source, ByteBuilder into) => FieldBytes.AppendLimitedName(source.Name, into),
        FieldText.ShowString, FieldText.ReadString);

    /// <summary>d-ng: algorithm, ":", NUL, digest.</summary>
    public static readonly TemplateField DigestNg = new(
        "d-ng", (in FieldSource source, ByteBuilder into) => FieldBytes.AppendDigest(default, source.Digest, into),
        FieldText.ShowDigest, FieldText.ReadDigest, FieldText.DigestIn);

    /// <summary>d-ngv2: as d-ng, after "ima:" or "verity:".</summary>
    public static readonly TemplateField DigestNgV2 = new(
        "d-ngv2",
        (in FieldSource source, ByteBuilder into) =>
            FieldBytes.AppendDigest(source.IsVerity ? "verity:"u8 : "ima:"u8, source.Digest, into),
        FieldText.ShowDigest, FieldText.ReadDigest, FieldText.DigestIn);

    /// <summary>n-ng: the name with its NUL, of any length.</summary>
    public static readonly TemplateField NameNg = new(
        "n-ng", (in FieldSource source, ByteBuilder into) => FieldBytes.AppendName(source.Name, into),
        FieldText.ShowString, FieldText.ReadString);

    /// <summary>sig: the signature attribute.</summary>
    public static readonly TemplateField Signature = Hex(
        "sig", (in FieldSource source, ByteBuilder into) => into.Append(source.Signature));

    /// <summary>d-modsig: the digest of the file without its appended signature.</summary>
    public static readonly TemplateField UnsignedDigest = new(
        "d-modsig",
        (in FieldSource source, ByteBuilder into) =>
        {
            if (!source.AppendedSignature.IsEmpty)
            {
                FieldBytes.AppendDigest(default, source.UnsignedDigest, into);
            }
        },
        FieldText.ShowDigest, FieldText.ReadDigest, data => data.IsEmpty ? data : FieldText.DigestIn(data));

    /// <summary>modsig: the appended signature.</summary>
    public static readonly TemplateField AppendedSignature = Hex(
        "modsig", (in FieldSource source, ByteBuilder into) => into.Append(source.AppendedSignature));

    /// <summary>buf: the measured buffer.</summary>
    public static readonly TemplateField Buffer = Hex(
        "buf", (in FieldSource source, ByteBuilder into) => into.Append(source.Buffer));

    /// <summary>evmsig: the portable signature.</summary>
    public static readonly TemplateField EvmSignature = Hex(
        "evmsig", (in FieldSource source, ByteBuilder into) => into.Append(source.EvmSignature));

    public static readonly TemplateField Uid = Number(
        "iuid", 4, (in FieldSource source, ByteBuilder into) => FieldBytes.AppendNumber(in source, source.Uid, 4, into));

    public static readonly TemplateField Gid = Number(
        "igid", 4, (in FieldSource source, ByteBuilder into) => FieldBytes.AppendNumber(in source, source.Gid, 4, into));

    public static readonly TemplateField Mode = Number(
        "imode", 2, (in FieldSource source, ByteBuilder into) => FieldBytes.AppendNumber(in source, source.Mode, 2, into));

    public static readonly TemplateField XattrNames = new(
        "xattrnames",
        (in FieldSource source, ByteBuilder into) => into.Append(source.Xattrs == null ? default : source.Xattrs.Names),
        FieldText.ShowString, FieldText.ReadOptionalString);

    public static readonly TemplateField XattrLengths = Hex(
        "xattrlengths",
        (in FieldSource source, ByteBuilder into) => into.Append(source.Xattrs == null ? default : source.Xattrs.Lengths));

    public static readonly TemplateField XattrValues = Hex(
        "xattrvalues",
        (in FieldSource source, ByteBuilder into) => into.Append(source.Xattrs == null ? default : source.Xattrs.Values));

    /// <summary>All there are.</summary>
    public static readonly IReadOnlyList<TemplateField> All =
    [
        LegacyDigest, LegacyName, DigestNg, DigestNgV2, NameNg, Signature, UnsignedDigest, AppendedSignature, Buffer,
        EvmSignature, Uid, Gid, Mode, XattrNames, XattrLengths, XattrValues,
    ];

    TemplateField(string id, Encoder encode, Display show, Decoder read, Finder? digest = null)
    {
        Id = id;
        Encode = encode;
        Show = show;
        Read = read;
        Digest = digest;
    }

    /// <summary>Its name in a template format, "d-ng".</summary>
    public string Id { get; }

    public Encoder Encode { get; }

    public Display Show { get; }

    public Decoder Read { get; }

    /// <summary>Finds the digest in the bytes; null: the field holds none.</summary>
    public Finder? Digest { get; }

    static TemplateField Hex(string id, Encoder encode) => new(id, encode, FieldText.ShowHex, FieldText.ReadHex);

    static TemplateField Number(string id, int size, Encoder encode) =>
        new(id, encode, FieldText.ShowNumber, (text, into) => FieldText.ReadNumber(text, size, into));
}
