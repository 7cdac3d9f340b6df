using ImaHost.Crypto;

namespace ImaHost.Template;

/// <summary>What the fields of an entry are made of.</summary>
readonly ref struct FieldSource
{
    /// <summary>The digest of the file or buffer.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Its name, as the filesystem has it.</summary>
    public required ReadOnlySpan<byte> Name { get; init; }

    /// <summary>Its signature attribute as a whole, or nothing.</summary>
    public ReadOnlySpan<byte> Signature { get; init; }
}

/// <summary>
/// One field of a template: how its bytes are made and how they are shown. Source: ima_template_lib.c of the kernel
/// (ima_event*_init, ima_show_template_*).
/// </summary>
sealed class TemplateField
{
    public delegate void Encoder(in FieldSource source, ByteBuilder into);

    public delegate void Display(ReadOnlySpan<byte> data, ByteBuilder into);

    /// <summary>d-ng: algorithm, ":", NUL, digest.</summary>
    public static readonly TemplateField DigestNg = new(
        "d-ng",
        (in FieldSource source, ByteBuilder into) =>
        {
            into.Append(source.Digest.Algorithm.Utf8Name);
            into.Append(":\0"u8);
            into.Append(source.Digest.Bytes);
        },
        static (data, into) =>
        {
            int end = data.IndexOf((byte)0);
            into.Append(end < 0 ? data : data[..end]);
            into.AppendHex(data[(end + 1)..]);
        });

    /// <summary>n-ng: the name with its NUL, of any length.</summary>
    public static readonly TemplateField NameNg = new(
        "n-ng",
        (in FieldSource source, ByteBuilder into) =>
        {
            EntryName.Append(source.Name, into);
            into.Append((byte)0);
        },
        static (data, into) => into.Append(data.TrimEnd((byte)0)));

    /// <summary>sig: the signature attribute, or nothing.</summary>
    public static readonly TemplateField Signature = new(
        "sig",
        (in FieldSource source, ByteBuilder into) => into.Append(source.Signature),
        static (data, into) => into.AppendHex(data));

    TemplateField(string id, Encoder encode, Display show)
    {
        Id = id;
        Encode = encode;
        Show = show;
    }

    /// <summary>Its name in a template format, "d-ng".</summary>
    public string Id { get; }

    public Encoder Encode { get; }

    public Display Show { get; }
}
