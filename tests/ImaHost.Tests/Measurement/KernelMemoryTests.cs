using ImaHost.Measurement;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Measurement;

public sealed class KernelMemoryTests : IDisposable
{
    const ulong Low = 0xffff_8880_0000_0000;
    const ulong High = 0xffff_ffff_8100_0000;
    const ulong Top = 0xffff_ffff_ffff_f000; // its segment ends at 2^64
    const int Data = 0x1000; // where segments begin in the file

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(Low, 0, 1)]
    [InlineData(Low, 0, 256)] // the whole segment
    [InlineData(Low + 255, 255, 1)]
    [InlineData(High + 1, 0x101, 255)] // up to its end
    [InlineData(Top, 0x200, 0x1000)] // up to 2^64
    [InlineData(ulong.MaxValue, 0x11ff, 1)]
    public void Range_within_a_segment_is_read(ulong address, int at, int length)
    {
        byte[] file = ThreeSegments();
        using KernelMemory memory = Open(file);
        Assert.Equal(file[(Data + at)..(Data + at + length)], memory.Read(address, length));
    }

    [Theory]
    [InlineData(0UL, 1, "none", "0xffff888000000000-0xffff8880000000ff")]
    [InlineData(Low - 1, 2, "none", "0xffff888000000000-0xffff8880000000ff")]
    [InlineData(Low + 255, 2, "0xffff888000000000-0xffff8880000000ff", "0xffffffff81000000-0xffffffff810000ff")]
    [InlineData(High - 1, 1, "0xffff888000000000-0xffff8880000000ff", "0xffffffff81000000-0xffffffff810000ff")]
    [InlineData(High - 1, 2, "0xffff888000000000-0xffff8880000000ff", "0xffffffff81000000-0xffffffff810000ff")]
    [InlineData(High + 256, 1, "0xffffffff81000000-0xffffffff810000ff", "0xfffffffffffff000-0xffffffffffffffff")]
    public void Range_outside_of_a_segment_is_refused_and_told_its_neighbours(
        ulong address, int length, string below, string above)
    {
        using KernelMemory memory = Open(ThreeSegments());
        var e = Assert.Throws<KernelMemoryException>(() => memory.Read(address, length));
        Assert.Contains($"{new KernelRange(address, length)} is not", e.Message, StringComparison.Ordinal);
        Assert.EndsWith($"nearest below: {below}, above: {above}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Range_across_two_segments_is_refused_even_when_they_adjoin()
    {
        byte[] file = CoreFile.Build([new(Low, Data, 16, 16), new(Low + 16, Data + 16, 16, 16)], Data + 32);
        using KernelMemory memory = Open(file);
        Assert.Equal(16, memory.Read(Low + 16, 16).Length);
        Refuses("not within one segment", () => memory.Read(Low + 15, 2));
    }

    [Fact]
    public void Range_that_only_the_larger_of_two_overlapping_segments_holds_is_read()
    {
        byte[] file = CoreFile.Build([new(Low, Data, 16, 16), new(Low, Data + 16, 64, 64)], Data + 80);
        using KernelMemory memory = Open(file);
        Assert.Equal(file[(Data + 16)..(Data + 80)], memory.Read(Low, 64));
    }

    [Fact]
    public void Memory_that_the_file_does_not_hold_is_refused()
    {
        using KernelMemory memory = Open(CoreFile.Build([new(Low, Data, 16, 64), new(High, Data, 0, 64)], Data + 64));
        Assert.Equal(16, memory.Read(Low, 16).Length);
        Refuses("below: 0xffff888000000000-0xffff88800000000f, above: none", () => memory.Read(Low, 17));
        Refuses("not within one segment", () => memory.Read(Low + 16, 1));
        Refuses("not within one segment", () => memory.Read(High, 1));
    }

    [Theory]
    [InlineData(ulong.MaxValue, 2)]
    [InlineData(Top, 0x1001)]
    public void Range_beyond_2_to_the_64_is_refused(ulong address, int length)
    {
        using KernelMemory memory = Open(ThreeSegments());
        Refuses("beyond 2^64", () => memory.Read(address, length));
    }

    [Fact]
    public void Length_is_1_to_its_maximum()
    {
        const int enough = KernelMemory.MaxLength + 1;
        using KernelMemory memory = Open(CoreFile.Build([new(Low, Data, enough, enough)], Data + enough));
        Assert.Equal(KernelMemory.MaxLength, memory.Read(Low, KernelMemory.MaxLength).Length);
        foreach (int length in new[] { 0, -1, int.MinValue, enough, int.MaxValue })
        {
            Refuses("not 1 to 1048576 bytes", () => memory.Read(Low, length));
        }
    }

    [Fact]
    public void Range_that_the_file_ends_within_is_refused()
    {
        using KernelMemory memory = Open(CoreFile.Build([new(Low, Data, 64, 64)], Data + 10));
        Assert.Equal(10, memory.Read(Low, 10).Length);
        Refuses("it ends at offset 0x100a with 10 of 11 bytes of 0xffff888000000000-", () => memory.Read(Low, 11));
    }

    [Fact]
    public void Segments_other_than_PT_LOAD_are_not_read()
    {
        byte[] file = CoreFile.Build([new(Low, Data, 16, 16), new(High, Data, 16, 16)], Data + 16);
        CoreFile.Put(file, CoreFile.HeaderSize, 4); // PT_NOTE
        using KernelMemory memory = Open(file);
        Assert.Equal(16, memory.Read(High, 16).Length);
        Refuses("not within one segment", () => memory.Read(Low, 1));
    }

    [Theory]
    [InlineData(0, "is empty")]
    [InlineData(1, "with 1 of 64 bytes of its ELF header")]
    [InlineData(63, "with 63 of 64 bytes of its ELF header")]
    [InlineData(64, "with 0 of 168 bytes of its program headers")]
    [InlineData(64 + 167, "with 167 of 168 bytes of its program headers")]
    public void File_that_ends_before_its_headers_do_is_refused(int length, string fault) =>
        RefusesFile(fault, ThreeSegments()[..length]);

    [Theory]
    [InlineData(0, 0x7e, "not an ELF file")]
    [InlineData(4, 1, "ELF class is 1, not 2 (64-bit)")]
    [InlineData(16, 2, "ELF type is 2, not 4 (a core)")]
    [InlineData(17, 1, "ELF type is 260, not 4 (a core)")]
    [InlineData(39, 0x80, "are at 0x8000000000000040, where no file reaches")]
    [InlineData(54, 32, "program headers are 32 bytes each, not 56")]
    [InlineData(56, 0, "has 0 program headers")]
    [InlineData(57, 0xff, "has 65283 program headers, not 1 to 4096")]
    public void File_that_is_no_core_of_64_bits_is_refused(int at, byte value, string fault)
    {
        byte[] file = ThreeSegments();
        file[at] = value;
        RefusesFile(fault, file);
    }

    [Fact]
    public void File_of_the_other_byte_order_is_refused()
    {
        byte[] file = ThreeSegments();
        file[5] ^= 3;
        RefusesFile($"its byte order is {file[5]}, this machine's is {file[5] ^ 3}", file);
    }

    [Fact]
    public void File_whose_program_headers_end_beyond_all_offsets_is_refused()
    {
        byte[] file = ThreeSegments();
        CoreFile.Put(file, 32, long.MaxValue - 100);
        RefusesFile("are at 0x7fffffffffffff9b, where no file reaches", file);
    }

    [Theory]
    [InlineData(Low, 0UL, 17UL, 16UL, "program header 1 has p_filesz 0x11 above p_memsz 0x10")]
    [InlineData(Top, 0UL, 1UL, 0x1001UL, "of 0x1001 bytes at 0xfffffffffffff000 goes beyond 2^64")]
    [InlineData(Low, 1UL << 63, 16UL, 16UL, "has 0x10 bytes at offset 0x8000000000000000, where")]
    [InlineData(Low, long.MaxValue - 16UL, 16UL, 16UL, null)]
    [InlineData(Low, long.MaxValue - 16UL, 17UL, 17UL, "has 0x11 bytes at offset 0x7fffffffffffffef, where")]
    [InlineData(1UL, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, "bytes at offset 0xffffffffffffffff, where")]
    public void Segment_is_refused_when_its_numbers_cannot_be(
        ulong address, ulong offset, ulong inFile, ulong inMemory, string? fault)
    {
        byte[] file = CoreFile.Build([new(High, Data, 1, 1), new(address, offset, inFile, inMemory)], Data);
        if (fault != null)
        {
            RefusesFile(fault, file);
            return;
        }

        using KernelMemory memory = Open(file);
        Refuses("at offset 0x7fffffffffffffef", () => memory.Read(address, 16));
    }

    [Fact]
    public void File_without_a_segment_is_refused() =>
        RefusesFile("it holds no memory", CoreFile.Build([new(Low, Data, 0, 4096)], Data));

    [Fact]
    public void Empty_device_in_the_place_of_kcore_is_told() =>
        Refuses("/dev/null: it is empty; containers", () => new KernelMemory("/dev/null").Dispose());

    [Fact]
    public void Error_of_reading_is_told() =>
        Refuses("read its ELF header at offset 0x0: Is a directory (EISDIR)", () => new KernelMemory("/").Dispose());

    [Fact]
    public void Missing_file_is_told() => Refuses(
        "No such file or directory (ENOENT); it needs CONFIG_PROC_KCORE",
        () => new KernelMemory(_directory.At("kcore")).Dispose());

    [Theory]
    [InlineData(1, "forbids reading /proc/kcore: Operation not permitted (EPERM); it is locked down")]
    [InlineData(2, "offers no /proc/kcore: No such file or directory (ENOENT)")]
    [InlineData(13, "forbids reading /proc/kcore: Permission denied (EACCES); only root")]
    [InlineData(24, "open /proc/kcore: Too many open files (EMFILE)")]
    public void Refusal_of_the_kernel_is_told_with_its_reason(int errno, string reason) =>
        Assert.Contains(reason, KernelMemory.WhyNotOpen(KernelMemory.DefaultPath, errno), StringComparison.Ordinal);

    [Fact]
    public void Real_kcore_holds_the_banner_of_the_kernel()
    {
        SkipUnlessReadable();
        string? line = File.ReadLines(KernelSymbols.DefaultPath)
            .FirstOrDefault(line => line.EndsWith(" linux_banner", StringComparison.Ordinal));
        Assert.SkipWhen(line == null, "kallsyms lists no data (CONFIG_KALLSYMS_ALL), so linux_banner cannot be found");
        Assert.SkipWhen(line.StartsWith("0000000000000000", StringComparison.Ordinal), "the addresses are hidden");

        byte[] expected = File.ReadAllBytes("/proc/version");
        KernelRange banner = KernelRange.Parse("linux_banner", expected.Length);
        using var memory = new KernelMemory();
        Assert.Equal(expected, memory.Read(banner.Address, banner.Length));
    }

    /// <summary>Asks the runtime, so that a fault of the reader cannot pass for one of the machine.</summary>
    static void SkipUnlessReadable()
    {
        Assert.SkipUnless(File.Exists(KernelMemory.DefaultPath), "this kernel has no /proc/kcore (CONFIG_PROC_KCORE)");
        try
        {
            using FileStream file = File.OpenRead(KernelMemory.DefaultPath);
            Assert.SkipWhen(file.ReadByte() < 0, "/proc/kcore is empty here, as in a container");
        }
        catch (UnauthorizedAccessException e)
        {
            Assert.Skip($"the kernel forbids reading /proc/kcore: {e.Message}");
        }
    }

    static byte[] ThreeSegments() => CoreFile.Build(
        [new(High, Data + 256, 256, 256), new(Top, Data + 512, 4096, 4096), new(Low, Data, 256, 256)], Data + 4608);

    static void Refuses(string fault, Action action) =>
        Assert.Contains(fault, Assert.Throws<KernelMemoryException>(action).Message, StringComparison.Ordinal);

    void RefusesFile(string fault, byte[] file)
    {
        var e = Assert.Throws<KernelMemoryException>(() => Open(file).Dispose());
        Assert.StartsWith($"{_directory.At("core")}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(fault, e.Message, StringComparison.Ordinal);
    }

    KernelMemory Open(byte[] file)
    {
        File.WriteAllBytes(_directory.At("core"), file);
        return new KernelMemory(_directory.At("core"));
    }
}
