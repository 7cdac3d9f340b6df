using System.Text;
using ImaHost.Crypto;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class TemplateFieldTests
{
    const string Digest32 = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf";
    const string Digest20 = "101112131415161718191a1b1c1d1e1f20212223";

    /// <summary>Field, its bytes in hexadecimal, and how the kernel shows them.</summary>
    public static TheoryData<string, string, string> Full => new()
    {
        { "d", Digest20, Digest20 },
        { "n", "2f7372762f615f6200", "/srv/a_b" },
        { "d-ng", $"7368613235363a00{Digest32}", $"sha256:{Digest32}" },
        { "d-ngv2", $"696d613a7368613235363a00{Digest32}", $"ima:sha256:{Digest32}" },
        { "n-ng", "2f7372762f615f6200", "/srv/a_b" },
        { "sig", "0302ff", "0302ff" },
        { "d-modsig", $"7368613338343a00{Digest32}{Digest20[..32]}", $"sha384:{Digest32}{Digest20[..32]}" },
        { "modsig", "308200", "308200" },
        { "buf", "62756620666572", "62756620666572" },
        { "evmsig", "050200", "050200" },
        { "iuid", "92100000", "4242" },
        { "igid", "ffffffff", "4294967295" },
        { "imode", "a481", "33188" },
        {
            "xattrnames", Convert.ToHexStringLower("security.selinux|security.ima\0"u8), "security.selinux|security.ima"
        },
        { "xattrlengths", "0600000003000000", "0600000003000000" },
        { "xattrvalues", "6c6162656c00040400", "6c6162656c00040400" },
    };

    /// <summary>Those that are empty for a boot_aggregate.</summary>
    public static TheoryData<string> Optional =>
    [
        "sig", "d-modsig", "modsig", "buf", "evmsig", "iuid", "igid", "imode", "xattrnames", "xattrlengths",
        "xattrvalues",
    ];

    [Fact]
    public void Fields_are_those_of_the_kernel() =>
        Assert.Equal(Full.Select(row => row.Data.Item1).Order(), TemplateField.All.Select(field => field.Id).Order());

    [Theory]
    [MemberData(nameof(Full))]
    public void Field_is_encoded_shown_and_read_back(string id, string bytes, string text)
    {
        byte[] encoded = Encode(id, FullSource.Create());
        Assert.Equal(bytes, Convert.ToHexStringLower(encoded));
        Assert.Equal(text, Show(id, encoded));
        Assert.Equal(encoded, Read(id, text));
    }

    [Theory]
    [MemberData(nameof(Optional))]
    public void Field_that_has_no_source_is_empty_and_shown_as_nothing(string id)
    {
        byte[] encoded = Encode(id, FullSource.CreateLeast());
        Assert.Empty(encoded);
        Assert.Equal("", Show(id, encoded));
        Assert.Empty(Read(id, ""));
    }

    [Theory]
    [InlineData("n")]
    [InlineData("n-ng")]
    public void Name_that_is_empty_is_a_NUL_and_shown_as_nothing(string id)
    {
        byte[] encoded = Encode(id, new FieldSource { Digest = default, Name = default });
        Assert.Equal([0], encoded);
        Assert.Equal("", Show(id, encoded));
        Assert.Equal([0], Read(id, ""));
    }

    [Fact]
    public void Digest_v2_says_when_it_is_that_of_fs_verity() => Assert.StartsWith(
        "verity:sha1:\0",
        Encoding.Latin1.GetString(Encode("d-ngv2", new FieldSource
        {
            Digest = new Digest(HashAlgorithm.Sha1, FullSource.Sha1Bytes),
            Name = default,
            IsVerity = true,
        })),
        StringComparison.Ordinal);

    [Fact]
    public void Legacy_digest_needs_no_second_one_when_the_first_is_SHA1() =>
        Assert.Equal(FullSource.Sha1Bytes, Encode("d", FullSource.CreateLeast()));

    /// <summary>A path, and what of it the field n holds.</summary>
    public static TheoryData<string, string> Limited => new()
    {
        { Repeat('p', 255), Repeat('p', 255) },
        { $"/d/{Repeat('p', 252)}", $"/d/{Repeat('p', 252)}" },
        { $"/d/{Repeat('p', 253)}", Repeat('p', 253) },
        { $"/{Repeat('d', 300)}/short", "short" },
        { $"/{Repeat('p', 255)}", Repeat('p', 255) },
        { $"/{Repeat('p', 300)}", Repeat('p', 255) },
        { Repeat('p', 256), Repeat('p', 255) },
        { $"/d/{Repeat(' ', 252)}", $"/d/{Repeat('_', 252)}" },
        { $"/d/{Repeat('p', 248)}\n", $"/d/{Repeat('p', 248)}\\x0a" },
        { $"/d/{Repeat('p', 249)}\n", $"{Repeat('p', 249)}\\x0a" },
        { $"/{Repeat('d', 300)}/{Repeat('p', 254)}\n", $"{Repeat('p', 254)}\\" },
    };

    [Theory]
    [MemberData(nameof(Limited))]
    public void Legacy_name_is_the_last_part_of_a_path_that_does_not_fit_as_it_is_written(string path, string expected)
    {
        byte[] encoded = Encode("n", new FieldSource { Digest = default, Name = Encoding.UTF8.GetBytes(path) });
        Assert.Equal(expected + "\0", Encoding.UTF8.GetString(encoded));
        Assert.Equal(encoded, Read("n", Show("n", encoded)));
    }

    [Fact]
    public void Name_has_no_limit()
    {
        byte[] name = new byte[5000];
        name.AsSpan().Fill((byte)'p');
        byte[] expected = [.. name, 0];
        Assert.Equal(expected, Encode("n-ng", new FieldSource { Digest = default, Name = name }));
    }

    [Theory]
    [InlineData("sha256:abc")]
    [InlineData("sha256\0:\0")]
    [InlineData("\0")]
    [InlineData(":\0")]
    [InlineData("SHA:\0")]
    [InlineData("sha \n:\0")]
    [InlineData("sha256::\0")]
    [InlineData(":sha256:\0")]
    [InlineData("other:sha256:\0")]
    [InlineData("ima:verity:sha256:\0")]
    public void Show_refuses_a_digest_that_does_not_begin_with_its_algorithm(string text)
    {
        byte[] damaged = Encoding.ASCII.GetBytes(text);
        RecordException refused = Assert.Throws<RecordException>(() => Show("d-ng", damaged));
        Assert.Equal($"a digest of {damaged.Length} bytes does not begin with its algorithm", refused.Message);
    }

    [Theory]
    [InlineData("sha256:\0ab", "2 bytes are no sha256 digest")]
    [InlineData("ima:sha256:\0", "0 bytes are no sha256 digest")]
    [InlineData("sha256:\0abcdefghijklmnopqrst", "20 bytes are no sha256 digest")]
    [InlineData("md5:\0ab", null)]
    public void Show_refuses_a_digest_that_has_not_the_size_of_its_algorithm(string text, string? message)
    {
        Exception? refused = Record.Exception(() => Show("d-ngv2", Encoding.ASCII.GetBytes(text)));
        Assert.Equal(message, refused?.Message);
    }

    [Theory]
    [InlineData("d", "abc", "\"abc\" is not hexadecimal")]
    [InlineData("sig", "zz", "\"zz\" is not hexadecimal")]
    [InlineData("d-ng", "sha256:0", "\"0\" is not hexadecimal")]
    [InlineData("d-ng", ":00", "the digest \":00\" does not begin with its algorithm")]
    [InlineData("d-ngv2", "00", "the digest \"00\" does not begin with its algorithm")]
    [InlineData("d-ngv2", "ima:sha256:00:00", "the digest \"ima:sha256:00:00\" does not begin with its algorithm")]
    [InlineData("d-ng", "sha1:00", "1 bytes are no sha1 digest")]
    [InlineData("iuid", "-1", "\"-1\" is not a number of 4 bytes")]
    [InlineData("iuid", "4294967296", "\"4294967296\" is not a number of 4 bytes")]
    [InlineData("imode", "65536", "\"65536\" is not a number of 2 bytes")]
    [InlineData("imode", "1x", "\"1x\" is not a number of 2 bytes")]
    public void Read_says_what_no_field_is_shown_as(string id, string text, string message)
    {
        RecordException refused = Assert.Throws<RecordException>(() => Read(id, text));
        Assert.Equal(message, refused.Message);
    }

    [Fact]
    public void Read_quotes_what_it_does_not_understand_short_and_harmless()
    {
        RecordException refused = Assert.Throws<RecordException>(() => Read("sig", "\x1b[31m\"\n" + Repeat('x', 100)));
        Assert.Equal($"\"\\x1b[31m\\x22\\x0a{Repeat('x', 33)}…\" is not hexadecimal", refused.Message);
    }

    [Theory]
    [InlineData("07", "7")]
    [InlineData("ffff", "65535")]
    [InlineData("0000000000000080", "9223372036854775808")]
    [InlineData("010203", "")]
    public void Numbers_are_shown_by_their_size(string hex, string text) =>
        Assert.Equal(text, Show("iuid", Convert.FromHexString(hex)));

    static byte[] Encode(string id, FieldSource source)
    {
        var into = new ByteBuilder(1);
        Find(id).Encode(in source, into);
        return into.Written.ToArray();
    }

    static string Show(string id, byte[] bytes)
    {
        var into = new ByteBuilder(1);
        Find(id).Show(bytes, into);
        return Encoding.UTF8.GetString(into.Written);
    }

    static byte[] Read(string id, string text)
    {
        var into = new ByteBuilder(1);
        Find(id).Read(Encoding.UTF8.GetBytes(text), into);
        return into.Written.ToArray();
    }

    static TemplateField Find(string id) => TemplateField.All.Single(field => field.Id == id);

    static string Repeat(char letter, int count) => new(letter, count);
}
