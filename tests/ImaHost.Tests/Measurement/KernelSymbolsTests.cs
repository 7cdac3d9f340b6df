using ImaHost.Measurement;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Measurement;

public sealed class KernelSymbolsTests : IDisposable
{
    const string Table =
        "ffffffff81000000 T _text\n" +
        "ffffffff81000000 T _stext\n" +
        "ffffffff82001140 D linux_banner\n" +
        "ffffffff81000010 t show\n" +
        "ffffffff81000010 t show\n" +
        "ffffffffc0100000 t same\t[first]\n" +
        "ffffffffc0200000 t same\t[second]\n" +
        "ffffffff81000020 t same\n" +
        "ffffffffc0300000 t in_module\t[third]\n" +
        "fffffffffffffff0 A last\n" +
        "0000000000000000 A hidden\n";

    readonly TemporaryDirectory _directory = new();
    readonly string _table;

    public KernelSymbolsTests() => _table = _directory.Write("kallsyms", Table);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("_text", 0xffffffff81000000)]
    [InlineData("linux_banner", 0xffffffff82001140)]
    [InlineData("show", 0xffffffff81000010)] // twice at one address
    [InlineData("in_module", 0xffffffffc0300000)]
    [InlineData("last", 0xfffffffffffffff0)]
    public void Symbol_is_found(string name, ulong address) => Assert.Equal(address, KernelSymbols.Find(name, _table));

    [Theory]
    [InlineData("text", "no symbol 'text'")]
    [InlineData("_TEXT", "no symbol")]
    [InlineData("[first]", "no symbol")]
    [InlineData("same\t[first]", "no symbol")]
    [InlineData("", "no symbol")]
    [InlineData("same", "'same' is ambiguous, it stands at 3 addresses")]
    [InlineData("hidden", "/proc/sys/kernel/kptr_restrict")]
    public void Symbol_without_one_address_is_refused(string name, string fault) =>
        Refuses($"{_table}: ", fault, () => KernelSymbols.Find(name, _table));

    [Theory]
    [InlineData("")]
    [InlineData("ffffffff81000000")]
    [InlineData("ffffffff81000000 T")]
    [InlineData("ffffffff81000000 T ")]
    [InlineData("ffffffff81000000 T \t[module]")]
    [InlineData("ffffffff81000000 Text _text")]
    [InlineData("0xffffffff81000000 T _text")]
    [InlineData("1ffffffff81000000 T _text")]
    [InlineData("-1 T _text")]
    public void Line_that_is_no_symbol_is_refused(string line)
    {
        string table = _directory.Write("other", $"ffffffff81000000 T _stext\n{line}\n");
        Refuses($"{table}:2: ", "not 'ADDRESS TYPE SYMBOL'", () => KernelSymbols.Find("_stext", table));
    }

    [Fact]
    public void Table_that_cannot_be_read_is_told()
    {
        string missing = _directory.At("missing");
        Refuses($"{missing}: ", "cannot be read", () => KernelSymbols.Find("_text", missing));
        Refuses($"{_directory.Root}: ", "cannot be read", () => KernelSymbols.Find("_text", _directory.Root));
    }

    [Fact]
    public void Real_table_gives_the_address_or_says_that_it_is_hidden()
    {
        const string path = KernelSymbols.DefaultPath;
        Assert.SkipUnless(File.Exists(path), "this kernel has no /proc/kallsyms (CONFIG_KALLSYMS)");
        string line = File.ReadLines(path).First(line => line.EndsWith(" _stext", StringComparison.Ordinal));
        if (line.StartsWith("0000000000000000", StringComparison.Ordinal))
        {
            Refuses(path, "hidden", () => KernelSymbols.Find("_stext"));
        }
        else
        {
            Assert.StartsWith($"{KernelSymbols.Find("_stext"):x16} ", line, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("0x0", 0)]
    [InlineData("0xffffffff81000000", 0xffffffff81000000)]
    [InlineData("0xFFFFFFFF81000000", 0xffffffff81000000)]
    [InlineData("linux_banner", 0xffffffff82001140)]
    [InlineData("linux_banner+0x10", 0xffffffff82001150)]
    [InlineData("last+0xf", ulong.MaxValue)]
    public void Range_begins_at_an_address_or_a_symbol(string place, ulong address) =>
        Assert.Equal(new KernelRange(address, 1), KernelRange.Parse(place, 1, _table));

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("0x1ffffffff81000000")]
    [InlineData("0x-1")]
    [InlineData("0x 1")]
    [InlineData("0x10+0x10")]
    [InlineData("12")]
    [InlineData("+0x10")]
    [InlineData("_text+")]
    [InlineData("_text+16")]
    [InlineData("_text+0x")]
    [InlineData("_text+0x10+0x10")]
    [InlineData("_text+0x10000000000000000")]
    public void Place_that_is_neither_is_refused(string place) =>
        Refuses($"'{place}' ", "is no place in kernel memory", () => KernelRange.Parse(place, 1, _table));

    [Theory]
    [InlineData("_text", 0, "not 1 to 1048576 bytes")]
    [InlineData("_text", -1, "not 1 to 1048576 bytes")]
    [InlineData("_text", KernelMemory.MaxLength + 1, "not 1 to 1048576 bytes")]
    [InlineData("last", 17, "go beyond 2^64")]
    [InlineData("last+0x10", 1, "goes beyond 2^64")]
    [InlineData("text", 1, "no symbol 'text'")]
    public void Range_that_cannot_be_is_refused(string place, int length, string fault) =>
        Refuses("", fault, () => KernelRange.Parse(place, length, _table));

    [Fact]
    public void Range_may_end_at_2_to_the_64()
    {
        KernelRange range = KernelRange.Parse("last", 16, _table);
        Assert.Equal(ulong.MaxValue, range.Last);
        Assert.Equal("0xfffffffffffffff0-0xffffffffffffffff", range.ToString());
    }

    static void Refuses(string start, string fault, Func<object> action)
    {
        var e = Assert.Throws<KernelMemoryException>(action);
        Assert.StartsWith(start, e.Message, StringComparison.Ordinal);
        Assert.Contains(fault, e.Message, StringComparison.Ordinal);
    }
}
