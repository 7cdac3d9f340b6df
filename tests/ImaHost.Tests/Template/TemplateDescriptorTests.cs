using System.Text;
using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class TemplateDescriptorTests
{
    const string Zeros = "0000000000000000000000000000000000000000";

    /// <summary>builtin_templates of ima_template.c.</summary>
    public static TheoryData<string, string> BuiltIn => new()
    {
        { "ima", "d|n" },
        { "ima-ng", "d-ng|n-ng" },
        { "ima-sig", "d-ng|n-ng|sig" },
        { "ima-ngv2", "d-ngv2|n-ng" },
        { "ima-sigv2", "d-ngv2|n-ng|sig" },
        { "ima-buf", "d-ng|n-ng|buf" },
        { "ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig" },
        { "evm-sig", "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode" },
    };

    /// <summary>A template, and the fields of a violation in the ascii list.</summary>
    public static TheoryData<string, string> Violations => new()
    {
        { "ima", $" {Zeros} /v" },
        { "ima-ng", $" sha256:{Zeros}000000000000000000000000 /v" },
        { "ima-sig", $" sha256:{Zeros}000000000000000000000000 /v " },
        { "ima-ngv2", $" ima:sha256:{Zeros}000000000000000000000000 /v" },
        { "evm-sig", $" sha256:{Zeros}000000000000000000000000 /v     7 8 9" },
    };

    [Theory]
    [MemberData(nameof(BuiltIn))]
    public void Find_knows_the_templates_of_the_kernel(string name, string format)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(name)!;
        Assert.Equal(name, template.Name);
        Assert.Equal(format, string.Join('|', template.Fields.Select(field => field.Id)));
        Assert.Equal(name == "ima", template.IsLegacy);
        Assert.Equal(name == "ima", template.NeedsSha1);
        Assert.Equal(name == "evm-sig", template.NeedsXattrs);
        Assert.Contains(name, TemplateDescriptor.Names);
    }

    [Theory]
    [InlineData("d-ng|n-ng|iuid")]
    [InlineData("n-ng")]
    [InlineData("d|n")]
    [InlineData("xattrvalues|d-ng|d-ng")]
    [InlineData("d|d|d|d|d|d|d|d|d|d|d|d|d|d|d")]
    public void Find_takes_a_format_for_a_template(string format)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(Encoding.ASCII.GetBytes(format))!;
        Assert.Equal(format, template.Name);
        Assert.Equal(format, string.Join('|', template.Fields.Select(field => field.Id)));
        Assert.False(template.IsLegacy);
        Assert.Equal(format.Split('|').Contains("d"), template.NeedsSha1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ima-sigx")]
    [InlineData("IMA")]
    [InlineData("d-ng|")]
    [InlineData("|d-ng")]
    [InlineData("d-ng||n-ng")]
    [InlineData("d-ng|n-ng|ima-sig")]
    [InlineData("d-ng n-ng")]
    [InlineData("d|d|d|d|d|d|d|d|d|d|d|d|d|d|d|d")]
    public void Find_gives_nothing_for_what_is_neither_a_name_nor_a_format(string name) =>
        Assert.Null(TemplateDescriptor.Find(name));

    [Fact]
    public void Find_knows_every_format_of_a_list_that_has_any_number_of_them()
    {
        string[] ids = [.. TemplateField.All.Select(field => field.Id)];
        string[] formats = [.. from first in ids from second in ids select $"{first}|{second}"];
        Assert.All(formats, format => Assert.Equal(format, TemplateDescriptor.Find(format)?.Name));
        Assert.All(formats, format => Assert.Equal(2, TemplateDescriptor.Find(format)?.Fields.Count));
    }

    [Theory]
    [MemberData(nameof(BuiltIn))]
    public void AppendData_is_shown_and_read_back_when_nothing_is_left_out(string name, string format)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(name)!;
        byte[] data = Encode(template, FullSource.Create());
        string text = Show(template, data);
        Assert.Equal(format.Split('|').Length, text.Count(letter => letter == ' '));
        Assert.Equal(data, Read(template, text));
    }

    [Theory]
    [MemberData(nameof(BuiltIn))]
    public void AppendData_is_shown_and_read_back_when_all_is_left_out_that_can_be(string name, string format)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(name)!;
        byte[] data = Encode(template, FullSource.CreateLeast());
        string text = Show(template, data);
        Assert.Equal(format.Split('|').Length, text.Count(letter => letter == ' '));
        Assert.Equal(data, Read(template, text));
    }

    [Fact]
    public void AppendData_writes_the_fields_of_ima_sig()
    {
        Entry entry = Entry.Number(30);
        Assert.Equal(entry.Data(), Encode(TemplateDescriptor.ImaSig, Source(entry)));
        Assert.NotEmpty(entry.Signature);
    }

    [Fact]
    public void AppendData_leaves_the_signature_out_of_ima_ng()
    {
        Entry entry = Entry.Number(30);
        byte[] expected = entry.Data()[..^(4 + entry.Signature.Length)];
        Assert.Equal(expected, Encode(TemplateDescriptor.ImaNg, Source(entry)));
    }

    [Fact]
    public void AppendData_writes_ima_without_the_length_of_its_digest_and_without_the_NUL_of_its_name()
    {
        byte[] expected = [.. FullSource.Sha1Bytes, 8, 0, 0, 0, .. "/srv/a_b"u8];
        Assert.Equal(expected, Encode(TemplateDescriptor.Ima, FullSource.Create()));
    }

    [Fact]
    public void AppendData_of_the_format_of_ima_has_both()
    {
        byte[] expected = [20, 0, 0, 0, .. FullSource.Sha1Bytes, 9, 0, 0, 0, .. "/srv/a_b\0"u8];
        Assert.Equal(expected, Encode(TemplateDescriptor.Find("d|n")!, FullSource.Create()));
    }

    [Fact]
    public void AppendData_writes_both_signatures_and_both_digests_of_ima_modsig()
    {
        byte[] expected =
        [
            40, 0, 0, 0, .. "sha256:\0"u8, .. FullSource.Sha256Bytes, 9, 0, 0, 0, .. "/srv/a_b\0"u8,
            3, 0, 0, 0, 3, 2, 0xff, 56, 0, 0, 0, .. "sha384:\0"u8, .. FullSource.Sha256Bytes,
            .. FullSource.Sha1Bytes[..16], 3, 0, 0, 0, 0x30, 0x82, 0,
        ];
        Assert.Equal(expected, Encode(TemplateDescriptor.Find("ima-modsig")!, FullSource.Create()));
    }

    [Theory]
    [MemberData(nameof(Violations))]
    public void AppendData_of_a_violation_shows_zeros_under_the_name_of_the_algorithm(string name, string expected)
    {
        TemplateDescriptor template = TemplateDescriptor.Find(name)!;
        var source = new FieldSource
        {
            Digest = Digest.Zero(HashAlgorithm.Sha256),
            Sha1 = Digest.Zero(HashAlgorithm.Sha1),
            Name = "/v"u8,
            HasInode = true,
            Uid = 7,
            Gid = 8,
            Mode = 9,
        };
        byte[] data = Encode(template, source);
        Assert.Equal(expected, Show(template, data));
        Assert.Equal(data, Read(template, expected));
    }

    /// <summary>ima_calc_field_array_hash_tfm: the digest, and the name in a field of 256 bytes.</summary>
    [Fact]
    public void HashedData_of_ima_pads_the_name()
    {
        byte[] scratch = [.. Enumerable.Repeat((byte)0xee, TemplateDescriptor.HashedSize + 9)];
        byte[] expected = [.. FullSource.Sha1Bytes, .. "/srv/a_b"u8, .. new byte[256 - 8]];
        byte[] data = Encode(TemplateDescriptor.Ima, FullSource.Create());
        Assert.Equal(expected, TemplateDescriptor.Ima.HashedData(data, scratch));
    }

    [Theory]
    [InlineData(255, null)]
    [InlineData(256, "a name of 256 bytes in template ima, which has room for 255")]
    public void HashedData_of_ima_refuses_a_name_that_has_no_room_for_its_NUL(int length, string? message)
    {
        byte[] data = [.. new byte[20], .. BitConverter.GetBytes(length), .. Enumerable.Repeat((byte)'n', length)];
        byte[] scratch = new byte[TemplateDescriptor.HashedSize];
        Exception? refused = Record.Exception(() => { _ = TemplateDescriptor.Ima.HashedData(data, scratch); });
        Assert.Equal(message, refused?.Message);
        Assert.Equal(message != null, refused is RecordException);
    }

    [Theory]
    [InlineData("", "the field d-ng of ima-sig is missing")]
    [InlineData(" md5:00 /a", "the field sig of ima-sig is missing")]
    [InlineData(" md5:00 /a 00 ", "\" \" follows the last field of ima-sig")]
    [InlineData(" md5:00 /a b c", "\"b\" is not hexadecimal")]
    [InlineData("md5:00 /a ", "the field d-ng of ima-sig is missing")]
    public void AppendDataOf_says_which_field_is_missing_or_too_many(string text, string message)
    {
        RecordException refused = Assert.Throws<RecordException>(() => Read(TemplateDescriptor.ImaSig, text));
        Assert.Equal(message, refused.Message);
    }

    [Fact]
    public void AppendText_refuses_what_follows_the_last_field()
    {
        byte[] data = [.. Entry.Number(1).Data(), 0, 0];
        RecordException refused = Assert.Throws<RecordException>(() => Show(TemplateDescriptor.ImaSig, data));
        Assert.Equal("2 bytes follow the last field of ima-sig", refused.Message);
    }

    static byte[] Encode(TemplateDescriptor template, FieldSource source)
    {
        var data = new ByteBuilder();
        template.AppendData(in source, data);
        return data.Written.ToArray();
    }

    static string Show(TemplateDescriptor template, byte[] data)
    {
        var text = new ByteBuilder();
        template.AppendText(data, text);
        return Encoding.UTF8.GetString(text.Written);
    }

    static byte[] Read(TemplateDescriptor template, string text)
    {
        var data = new ByteBuilder();
        template.AppendDataOf(Encoding.UTF8.GetBytes(text), data);
        return data.Written.ToArray();
    }

    static FieldSource Source(Entry entry) => new()
    {
        Digest = new Digest(HashAlgorithm.Sha256, entry.Digest),
        Name = Encoding.UTF8.GetBytes(entry.Name),
        Signature = entry.Signature,
    };
}
