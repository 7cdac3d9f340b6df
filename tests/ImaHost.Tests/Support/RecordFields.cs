using System.Buffers.Binary;
using ImaHost.Crypto;
using ImaHost.Template;

namespace ImaHost.Tests.Support;

/// <summary>The fields of a record by their names, and what they could have been made of.</summary>
sealed class RecordFields
{
    readonly Dictionary<string, byte[]> _fields = [];

    public RecordFields(in MeasurementRecord record)
    {
        TemplateDescriptor template = record.Template;
        ReadOnlySpan<byte> data = record.Data;
        foreach (TemplateField field in template.Fields)
        {
            _fields.Add(field.Id, template.TakeField(field, ref data).ToArray());
        }
    }

    /// <summary>The name as it is written, without its NUL.</summary>
    public byte[] Name => Of("n-ng", "n").AsSpan().TrimEnd((byte)0).ToArray();

    public FieldSource Source() => new()
    {
        Digest = _fields.TryGetValue("d", out byte[]? sha1)
            ? new Digest(HashAlgorithm.Sha1, sha1)
            : Parse(Of("d-ng", "d-ngv2")),
        IsVerity = Of("d-ngv2").AsSpan().StartsWith("verity:"u8),
        Name = Name,
        Signature = Of("sig"),
        EvmSignature = Of("evmsig"),
        UnsignedDigest = Of("d-modsig").Length == 0 ? default : Parse(Of("d-modsig")),
        AppendedSignature = Of("modsig"),
        Buffer = Of("buf"),
        HasInode = Of("iuid").Length > 0,
        Uid = Number("iuid"),
        Gid = Number("igid"),
        Mode = (ushort)Number("imode"),
        Xattrs = _fields.ContainsKey("xattrnames") ? Xattrs() : null,
    };

    byte[] Of(params ReadOnlySpan<string> ids)
    {
        foreach (string id in ids)
        {
            if (_fields.TryGetValue(id, out byte[]? field))
            {
                return field;
            }
        }

        return [];
    }

    uint Number(string id)
    {
        byte[] wide = [.. Of(id), 0, 0, 0, 0];
        return BinaryPrimitives.ReadUInt32LittleEndian(wide);
    }

    ProtectedXattrs Xattrs()
    {
        var xattrs = new ProtectedXattrs();
        ReadOnlySpan<byte> names = Of("xattrnames");
        ReadOnlySpan<byte> values = Of("xattrvalues");
        for (ReadOnlySpan<byte> lengths = Of("xattrlengths"); !lengths.IsEmpty; lengths = lengths[4..])
        {
            int end = names.IndexOfAny((byte)'|', (byte)0);
            int length = BinaryPrimitives.ReadInt32LittleEndian(lengths);
            byte[] name = [.. names[..end], 0];
            xattrs.Add(name, values[..length]);
            names = names[(end + 1)..];
            values = values[length..];
        }

        return xattrs;
    }

    static Digest Parse(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf(":\0"u8);
        ReadOnlySpan<byte> algorithm = field[(field[..end].LastIndexOf((byte)':') + 1)..end];
        return new Digest(HashAlgorithm.FromName(algorithm)!, field[(end + 2)..]);
    }
}
