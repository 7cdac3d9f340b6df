using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using ImaHost.Crypto;
using ImaHost.MeasurementList;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class ListFileTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly DigestSet _digests = new();

    public static TheoryData<string> Cases => KernelVector.Names;

    public static TheoryData<string> Algorithms => ["sha256", "sha384", "sha512", "sm3", "sha3-256", "sha3-512"];

    public void Dispose()
    {
        _directory.Dispose();
        _digests.Dispose();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Form_of_a_kernels_list_shows_in_its_first_bytes(string name)
    {
        KernelVector vector = KernelVector.Open(name);
        using var binary = new ListFile(vector.BinaryPath);
        using var ascii = new ListFile(vector.AsciiPath);
        Assert.False(binary.IsAscii);
        Assert.True(ascii.IsAscii);
        Assert.Equal(vector.Binary, Records.Binary(binary.Open()));
        Assert.Equal(vector.Binary, Records.Binary(ascii.Open()));
        Assert.Equal(vector.AsciiPath, ascii.Path);
    }

    [Fact]
    public void Open_begins_at_the_first_record_each_time()
    {
        KernelVector vector = KernelVector.Open("dedupe");
        using var file = new ListFile(vector.BinaryPath);
        RecordReader first = file.Open();
        Assert.True(first.Next(out _));
        Assert.Equal(vector.Binary, Records.Binary(file.Open()));
        Assert.True(first.Next(out _));
        Assert.Equal(1, first.Number);
    }

    /// <summary>Their size does not tell whose digests they are: sha256, sm3 and sha3-256 have the same.</summary>
    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Twins_are_read_and_verify_as_the_list_itself(string name)
    {
        HashAlgorithm? algorithm = HashAlgorithm.FromName(name);
        Assert.SkipWhen(algorithm == null, $"OpenSSL has no {name} here");
        Entry[] list =
            [.. Enumerable.Range(0, 9).Select(number => Entry.Number(number) with { IsViolation = number == 4 })];
        using var fixture = new ListFixture();
        Assert.All(list, entry => Assert.Equal(StoreOutcome.Stored, fixture.Add(entry)));
        var first = new Entry(new byte[32], "boot_aggregate", []);
        var held = SoftPcrs.After([first, .. list], HashAlgorithm.Sha1, HashAlgorithm.Sha512);
        foreach (bool ascii in new[] { false, true })
        {
            using ListFile file = Publish(fixture, algorithm, ascii);
            Assert.Equal(ascii, file.IsAscii);
            var verifier = new ListVerifier(file, held.TryGet, held.Banks, _digests);
            verifier.Run();
            Assert.Null(verifier.Break);
            Assert.Equal(10, verifier.Entries);
            Assert.Equal(10, verifier.Search.Matched);
            Assert.Equal(5, verifier.FirstViolation);
        }
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Twin_that_was_changed_breaks_and_names_its_algorithm(string name)
    {
        HashAlgorithm? algorithm = HashAlgorithm.FromName(name);
        Assert.SkipWhen(algorithm == null, $"OpenSSL has no {name} here");
        using var fixture = new ListFixture();
        Assert.Equal(StoreOutcome.Stored, fixture.Add(Entry.Number(1)));
        using (ListFile file = Publish(fixture, algorithm, ascii: false))
        {
        }

        byte[] twin = File.ReadAllBytes(_directory.At("twin"));
        twin[^5] ^= 1;
        File.WriteAllBytes(_directory.At("twin"), twin);
        using var changed = new ListFile(_directory.At("twin"));
        var verifier = new ListVerifier(changed, new SoftPcrs().TryGet, [], _digests);
        verifier.Run();
        Assert.Equal(1, verifier.Break?.Entry);
        Assert.Contains($"but its data give {name}:", verifier.Break?.Cause, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("no list")]
    public void What_is_shorter_than_a_record_is_a_binary_list_without_one(string text)
    {
        using var file = new ListFile(_directory.Write("list", text));
        Assert.False(file.IsAscii);
        RecordReader reader = file.Open();
        Assert.False(reader.Next(out _));
        Assert.Equal(text.Length, reader.Rest);
    }

    [Fact]
    public void Custom_format_tells_the_size_of_the_digests_too()
    {
        byte[] format = Encoding.ASCII.GetBytes(string.Join('|', Enumerable.Repeat("xattrlengths", 15)));
        byte[] data = new byte[15 * 4];
        byte[] list =
            [10, 0, 0, 0, .. new byte[64], 0, 0, 0, 0, .. format, .. BitConverter.GetBytes(data.Length), .. data];
        BinaryPrimitives.WriteInt32LittleEndian(list.AsSpan(68), format.Length);
        File.WriteAllBytes(_directory.At("list"), list);
        using var file = new ListFile(_directory.At("list"));
        RecordReader reader = file.Open();
        Assert.True(reader.Next(out MeasurementRecord record));
        Assert.Equal(64, record.TemplateDigest.Length);
        Assert.False(reader.Next(out _));
        Assert.Equal(0, reader.Rest);
    }

    [Fact]
    public void What_cannot_be_read_at_any_offset_is_refused_without_waiting_for_a_writer()
    {
        string fifo = _directory.At("fifo");
        using (Process made = Process.Start("mkfifo", fifo))
        {
            made.WaitForExit();
        }

        foreach (string path in (string[])[fifo, "/dev/zero", _directory.Root])
        {
            NotSupportedException refused = Assert.Throws<NotSupportedException>(() => new ListFile(path));
            Assert.Equal(
                $"{path}: a list must be a file that can be read at any offset; save it first", refused.Message);
        }
    }

    [Fact]
    public void File_that_is_not_there_is_an_error_of_the_environment() =>
        Assert.Throws<FileNotFoundException>(() => new ListFile(_directory.At("none")));

    ListFile Publish(ListFixture fixture, HashAlgorithm algorithm, bool ascii)
    {
        var view = new ListView(fixture.List.Log, algorithm, ascii, _digests);
        byte[] twin = new byte[view.Size];
        Assert.Equal(twin.Length, view.Read(twin, 0));
        File.WriteAllBytes(_directory.At("twin"), twin);
        return new ListFile(_directory.At("twin"));
    }
}
