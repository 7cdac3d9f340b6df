using System.Text;
using ImaHost.Template;
using Xunit;

namespace ImaHost.Tests.Template;

public sealed class EntryNameTests
{
    /// <summary>Names as bytes in hex, and how they are entered.</summary>
    public static TheoryData<string, string> Names => new()
    {
        { "", "" },
        { "2f612f62", "/a/b" },
        { "2f612062", "/a_b" },
        { "20612020", "_a__" },
        { "610a62", "a\\x0ab" },
        { "610962", "a\\x09b" },
        { "610d", "a\\x0d" },
        { "1b5b33316d", "\\x1b[31m" },
        { "617f", "a\\x7f" },
        { "00", "\\x00" },
        { "ff61", "\\xffa" },
        { "61e28262", "a\\xe2\\x82b" },
        { "61e282", "a\\xe2\\x82" },
        { "c080", "\\xc0\\x80" },
        { "eda080", "\\xed\\xa0\\x80" },
        { "c285", "\\xc2\\x85" },
        { "c29b33316d", "\\xc2\\x9b31m" },
        { "c3a9", "é" },
        { "e697a5e69cac", "日本" },
        { "f09f9880", "😀" },
        { "c2a0", "\u00a0" },
        { "5c7830610a", "\\x0a\\x0a" },
        { "7e21", "~!" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Append_keeps_what_is_printable_and_escapes_the_rest(string name, string expected)
    {
        var entered = new ByteBuilder();
        EntryName.Append(Convert.FromHexString(name), entered);
        Assert.Equal(expected, Encoding.UTF8.GetString(entered.Written));
    }

    [Fact]
    public void Append_adds_to_what_is_there()
    {
        var entered = new ByteBuilder(1);
        entered.Append("x"u8);
        EntryName.Append("/a b"u8, entered);
        Assert.Equal("x/a_b"u8, entered.Written);
    }

    [Fact]
    public void ToText_keeps_spaces_and_stays_on_one_line()
    {
        Assert.Equal("/a b\\x0ac é", EntryName.ToText("/a b\nc é"u8));
    }

    [Fact]
    public void Append_leaves_valid_UTF8_without_spaces_and_controls_for_any_bytes()
    {
        var random = new Random(1);
        var entered = new ByteBuilder();
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] name = new byte[random.Next(12)];
            random.NextBytes(name);
            entered.Clear();
            EntryName.Append(name, entered);
            string text = strict.GetString(entered.Written);
            Assert.DoesNotContain(text, character => character == ' ' || char.IsControl(character));
        }
    }
}
