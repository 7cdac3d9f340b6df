using System.Globalization;
using System.IO.Pipes;
using System.Text;
using ImaHost.Crypto;
using ImaHost.Tests.Support;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

public sealed partial class PcrValueReaderTests : IDisposable
{
    const string Spaced1 = "3D 45 8C FE 55 CC 03 EA 1F 44 3F 15 62 BE EC 8D F5 1C 75 E1";
    static readonly string Hex1 = Hex(20, 1);
    static readonly string Hex256 = Hex(32, 2);

    readonly TemporaryDirectory _directory = new();
    readonly PcrValues _values = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("ima-sig")]
    [InlineData("boot-aggregate-sha1")]
    [InlineData("boot-aggregate-sha256")]
    [InlineData("dedupe")]
    public void Output_of_tpm2_pcrread_is_read_whole(string vector)
    {
        PcrValueReader.Read(Repository.Locate("tests", "testdata", "vectors", vector, "pcr_after.txt"), _values);
        var kernel = KernelVector.Open(vector);
        foreach (HashAlgorithm bank in HashAlgorithm.Banks)
        {
            for (int pcr = 0; pcr < 24; pcr++)
            {
                Assert.Equal(kernel.PcrAfter(bank.Name, pcr), Value(bank, pcr));
            }

            Assert.Equal(kernel.PcrAfter(bank.Name, 10) != null, _values.Banks.Contains(bank));
        }
    }

    [Fact]
    public void Output_of_tpm2_pcrread_may_have_small_letters_and_the_ends_of_lines_of_others()
    {
        ReadText($"  sha256:\r\n    0 : 0x{Hex256.ToLowerInvariant()}\r\n\r\n    23: 0X{Hex256}");
        Assert.Equal(Hex256, HexOf(HashAlgorithm.Sha256, 0));
        Assert.Equal(Hex256, HexOf(HashAlgorithm.Sha256, 23));
    }

    [Theory]
    [InlineData("sm3_256", "sm3")]
    [InlineData("sha3_256", "sha3-256")]
    public void Names_of_the_TCG_are_known(string name, string bank)
    {
        HashAlgorithm? algorithm = HashAlgorithm.FromName(bank);
        Assert.SkipWhen(algorithm == null, $"OpenSSL has no {bank} here");
        ReadText($"  {name}:\n    10: 0x{Hex256}\n");
        Assert.Equal(Hex256, HexOf(algorithm, 10));
    }

    [Fact]
    public void Banks_that_are_empty_or_not_known_are_passed_over()
    {
        ReadText($"  sha384:\n  whirlpool:\n    10: 0xABCD\n  sha1:\n    10: 0x{Hex1}\n  sha512:\n");
        Assert.Equal([HashAlgorithm.Sha1], _values.Banks);
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 10));
    }

    [Theory]
    [InlineData(20, "sha1")]
    [InlineData(32, "sha256")]
    [InlineData(48, "sha384")]
    [InlineData(64, "sha512")]
    public void Lines_of_evmctl_tell_the_bank_by_the_length(int size, string bank)
    {
        ReadText($"PCR-00: {Hex(size, 0)}\nPCR-10: {Hex(size, 10)}\n");
        HashAlgorithm algorithm = HashAlgorithm.FromName(bank)!;
        Assert.Equal([algorithm], _values.Banks);
        Assert.Equal(Hex(size, 10), HexOf(algorithm, 10));
    }

    [Theory]
    [InlineData($"PCR-10: {Spaced1} \n")]
    [InlineData($"PCR-10:{Spaced1}\n")]
    [InlineData("PCR-10: 3d458cfe55cc03ea1f443f1562beec8df51c75e1")]
    public void Lines_of_a_TPM_1_2_are_read_with_and_without_spaces(string text)
    {
        ReadText(text);
        Assert.Equal(Spaced1.Replace(" ", "", StringComparison.Ordinal), HexOf(HashAlgorithm.Sha1, 10));
    }

    [Fact]
    public void Bank_of_the_argument_comes_before_the_length()
    {
        HashAlgorithm? sm3 = HashAlgorithm.FromName("sm3");
        Assert.SkipWhen(sm3 == null, "OpenSSL has no sm3 here");
        PcrValueReader.Read($"sm3_256,{_directory.Write("pcrs", $"PCR-10: {Hex256}\n")}", _values);
        Assert.Equal([sm3], _values.Banks);
    }

    [Fact]
    public void Bank_of_the_argument_is_the_only_one_that_is_read()
    {
        string path = _directory.Write("pcrs", $"sha1:\n  10: 0x{Hex1}\nsha256:\n  10: 0x{Hex256}\n");
        PcrValueReader.Read($"sha256,{path}", _values);
        _ = _directory.Write("tpm0/pcr-sha1/11", Hex1);
        _ = _directory.Write("tpm0/pcr-sha256/11", Hex256);
        PcrValueReader.Read($"sha256,{_directory.At("tpm0")}", _values);
        Assert.Equal([HashAlgorithm.Sha256], _values.Banks);
        Assert.NotNull(Value(HashAlgorithm.Sha256, 11));
    }

    [Theory]
    [InlineData("tpm0")]
    [InlineData("tpm0/")]
    [InlineData("link")]
    public void Directory_of_a_TPM_is_read_with_all_its_banks(string name)
    {
        WriteSysfs();
        _ = Directory.CreateSymbolicLink(_directory.At("link"), _directory.At("tpm0"));
        PcrValueReader.Read(_directory.At(name), _values);
        Assert.Equal([HashAlgorithm.Sha1, HashAlgorithm.Sha256], _values.Banks);
        for (int pcr = 0; pcr < 24; pcr++)
        {
            Assert.Equal(Hex(20, pcr), HexOf(HashAlgorithm.Sha1, pcr));
            Assert.Equal(Hex(32, pcr), HexOf(HashAlgorithm.Sha256, pcr));
        }
    }

    [Theory]
    [InlineData("tpm0/pcr-sha256")]
    [InlineData("tpm0/pcr-sha256/")]
    public void Directory_of_a_bank_is_read_alone(string name)
    {
        WriteSysfs();
        PcrValueReader.Read(_directory.At(name), _values);
        Assert.Equal([HashAlgorithm.Sha256], _values.Banks);
        Assert.Equal(Hex(32, 23), HexOf(HashAlgorithm.Sha256, 23));
    }

    [Fact]
    public void File_of_one_PCR_is_told_by_its_names()
    {
        WriteSysfs();
        PcrValueReader.Read(_directory.At("tpm0", "pcr-sha1", "10"), _values);
        Assert.Equal(Hex(20, 10), HexOf(HashAlgorithm.Sha1, 10));
        Assert.Null(Value(HashAlgorithm.Sha1, 11));
    }

    [Fact]
    public void Content_counts_and_not_the_name()
    {
        PcrValueReader.Read(_directory.Write("pcr-sha256/10", $"PCR-11: {Hex1}\n"), _values);
        Assert.Equal([HashAlgorithm.Sha1], _values.Banks);
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 11));
    }

    [Fact]
    public void Path_that_exists_may_have_commas()
    {
        PcrValueReader.Read(_directory.Write("a,b", $"PCR-10: {Hex1}\n"), _values);
        PcrValueReader.Read($"sha1,{_directory.Write("c,d", $"PCR-11: {Hex1}\n")}", _values);
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 10));
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 11));
    }

    [Fact]
    public void Pipe_is_read_to_its_end()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.None);
        pipe.Write(Encoding.ASCII.GetBytes($"sha1:\n  10: 0x{Hex1}\n"));
        string path = $"/proc/self/fd/{pipe.GetClientHandleAsString()}";
        using FileStream end = File.OpenRead(path);
        pipe.DisposeLocalCopyOfClientHandle();
        pipe.Dispose();
        PcrValueReader.Read($"/proc/self/fd/{end.SafeFileHandle.DangerousGetHandle()}", _values);
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 10));
    }

    /// <summary>As the kernel makes it, with what else is there, and a bank that nobody knows.</summary>
    void WriteSysfs()
    {
        _ = _directory.Write("tpm0/tpm_version_major", "2\n");
        _ = _directory.Write("tpm0/pcr-whirlpool/0", "AB\n");
        for (int pcr = 0; pcr < 24; pcr++)
        {
            string name = pcr.ToString(CultureInfo.InvariantCulture);
            _ = _directory.Write($"tpm0/pcr-sha1/{name}", Hex(20, pcr) + "\n");
            _ = _directory.Write($"tpm0/pcr-sha256/{name}", Hex(32, pcr) + "\n");
        }
    }

    void ReadText(string text) => PcrValueReader.Read(_directory.Write("pcrs", text), _values);

    byte[]? Value(HashAlgorithm bank, int pcr) =>
        _values.TryGet(bank, pcr, out Digest value) ? value.Bytes.ToArray() : null;

    string? HexOf(HashAlgorithm bank, int pcr) => Value(bank, pcr) is { } bytes ? Convert.ToHexString(bytes) : null;

    /// <summary>A digest of that many bytes; no two numbers have the same.</summary>
    static string Hex(int size, int number) =>
        Convert.ToHexString([.. Enumerable.Range(0xc0 + number, size).Select(value => (byte)value)]);
}
