using ImaHost.Crypto;
using ImaHost.Tpm;
using Xunit;

namespace ImaHost.Tests.Tpm;

/// <summary>What is refused, and with which words.</summary>
public sealed partial class PcrValueReaderTests
{
    [Theory]
    [InlineData("", "--pcrs wants PATH or BANK,PATH")]
    [InlineData("sha256,", "--pcrs sha256,: there is no path after the comma")]
    [InlineData("sha257,pcrs", "--pcrs sha257,pcrs: there is no such file, and \"sha257\" is no bank: use sha1, ")]
    public void Argument_that_is_no_path_and_no_bank_is_refused(string argument, string message) =>
        Assert.StartsWith(message, Refusal(argument), StringComparison.Ordinal);

    [Fact]
    public void File_that_is_not_there_is_an_error_of_its_own()
    {
        _ = Assert.Throws<FileNotFoundException>(() => PcrValueReader.Read(_directory.At("none"), _values));
        _ = Assert.Throws<FileNotFoundException>(() => PcrValueReader.Read(_directory.At("a,b"), _values));
        _ = Assert.Throws<FileNotFoundException>(() => PcrValueReader.Read($"sha1,{_directory.At("none")}", _values));
    }

    [Theory]
    [InlineData("", 1, "the file is empty")]
    [InlineData("\n \n", 1, "the file is empty")]
    [InlineData("\nhello\n", 2, "unknown format; expected")]
    [InlineData("10: 0xAB\n", 1, "unknown format; expected")]
    [InlineData("sha384:\nsha512:\n", 1, "there is no value of a known bank (sha1, ")]
    [InlineData("whirlpool:\n 1: 0xAB\n", 1, "there is no value of a known bank (sha1, ")]
    [InlineData("sha1:\n\n 10: AB\n", 3, "expected \"BANK:\" or \"PCR: 0xHEX\"")]
    [InlineData("sha1:\n 10:\n", 2, "expected \"BANK:\" or \"PCR: 0xHEX\"")]
    [InlineData("sha1:\nhello\n", 2, "expected \"BANK:\" or \"PCR: 0xHEX\"")]
    [InlineData("sha1:\n 10: 0xABCD\n", 2, "2 bytes; expected the 20 of a digest in bank sha1")]
    [InlineData("sha1:\n 10: 0x\n", 2, "0 bytes; expected the 20 of a digest in bank sha1")]
    [InlineData("sha1:\n 10: 0xABC\n", 2, "expected hex, two digits for each byte")]
    [InlineData("sha1:\n 10: 0xAG\n", 2, "expected hex, two digits for each byte")]
    [InlineData("sha1:\n 24: 0xAB\n", 2, "expected a PCR from 0 to 23")]
    [InlineData("sha1:\n -1: 0xAB\n", 2, "expected a PCR from 0 to 23")]
    [InlineData("sha1:\n ten: 0xAB\n", 2, "expected a PCR from 0 to 23")]
    [InlineData("whirlpool:\n 1: 0xAG\n", 2, "expected hex, two digits for each byte")]
    [InlineData("PCR-00: ABCD\n", 1, "2 bytes; expected the 20, 32, 48 or 64 of a digest")]
    [InlineData($"PCR-00: {Spaced1}\nPCR-01: ABCD\n", 2, "2 bytes; expected the 20 of a digest in bank sha1")]
    [InlineData($"PCR-00: {Spaced1}\nPCR-24: {Spaced1}\n", 2, "expected a PCR from 0 to 23")]
    [InlineData($"PCR-00: {Spaced1}\nPCR-01 {Spaced1}\n", 2, "expected \"PCR-NN: HEX\"")]
    [InlineData($"PCR-00: {Spaced1}\n10: {Spaced1}\n", 2, "expected \"PCR-NN: HEX\"")]
    [InlineData("PCR-00: XY\n", 1, "expected hex, two digits for each byte")]
    [InlineData("ABCD\n", 1, "a digest alone; expected the file to be pcr-ALG/N")]
    public void Error_says_file_and_line_and_what_was_expected(string text, int line, string message)
    {
        string path = _directory.Write("pcrs", text);
        Assert.StartsWith($"{path}:{line}: {message}", Refusal(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pcr-sha256/10", "ABCD\n", 1, "2 bytes; expected the 32 of a digest in bank sha256")]
    [InlineData("pcr-sha256/10", "ABC\n", 1, "expected hex, two digits for each byte")]
    [InlineData("pcr-sha256/24", "ABCD\n", 1, "expected a PCR from 0 to 23")]
    [InlineData("pcr-sha256/ten", "ABCD\n", 1, "expected a PCR from 0 to 23")]
    [InlineData("pcr-whirlpool/10", "ABCD\n", 1, "there is no value of a known bank (sha1, ")]
    [InlineData("pcr-sha256/10", "", 1, "the file is empty")]
    public void Error_in_the_file_of_one_PCR_says_it_too(string name, string text, int line, string message)
    {
        string path = _directory.Write(name, text);
        Assert.StartsWith($"{path}:{line}: {message}", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void File_of_one_PCR_holds_one_line()
    {
        string path = _directory.Write("pcr-sha1/10", $"{Hex1}\n{Hex1}\n");
        Assert.Equal($"{path}:2: expected nothing after the digest", Refusal(path));
    }

    [Fact]
    public void Error_in_a_directory_names_the_file_in_it()
    {
        WriteSysfs();
        string path = _directory.Write("tpm0/pcr-sha1/7", "hello");
        Assert.StartsWith($"{path}:1: unknown format", Refusal(_directory.At("tpm0")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tpm0/ppi/request", "tpm0", "")]
    [InlineData("tpm0/pcr-sha256/notes", "tpm0/pcr-sha256", "")]
    [InlineData("tpm0/pcr-whirlpool/10", "tpm0/pcr-whirlpool", "")]
    [InlineData("tpm0/pcr-sha1/10", "tpm0", "sha256,")]
    public void Directory_without_a_PCR_is_refused(string file, string directory, string bank)
    {
        _ = _directory.Write(file, Hex1);
        string message = Refusal(bank + _directory.At(directory));
        Assert.StartsWith($"{_directory.At(directory)}: no PCR of ", message, StringComparison.Ordinal);
        Assert.Contains("expected files pcr-ALG/N", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bank_of_the_argument_that_the_file_has_not_is_refused()
    {
        string path = _directory.Write("pcrs", $"sha1:\n 10: 0x{Hex1}\n");
        Assert.Equal($"{path}:1: there is no value of the bank sha256 in the file", Refusal($"sha256,{path}"));
    }

    [Fact]
    public void File_is_at_most_a_MiB_long()
    {
        string text = $"PCR-10: {Hex1}\n";
        PcrValueReader.Read(_directory.Write("most", text.PadRight(1 << 20)), _values);
        string path = _directory.Write("more", text.PadRight((1 << 20) + 1));
        Assert.StartsWith($"{path}:1: the file is longer than 1 MiB", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void Same_value_may_be_given_twice()
    {
        ReadText($"sha1:\n 10: 0x{Hex1}\n 10: 0x{Hex1}\n");
        ReadText($"PCR-10: {Hex1}\n");
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 10));
    }

    [Fact]
    public void Two_values_of_one_PCR_are_refused_with_both_places()
    {
        string first = _directory.Write("first", $"sha1:\n 10: 0x{Hex1}\n");
        string second = _directory.Write("second", $"PCR-11: {Hex1}\nPCR-10: {Spaced1}\n");
        PcrValueReader.Read(first, _values);
        string found = Spaced1.Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant();
        Assert.Equal(
            $"{second}:2: PCR 10 is sha1:{found}, but sha1:{Hex1.ToLowerInvariant()} at {first}:2",
            Refusal(second));
        Assert.Equal(Hex1, HexOf(HashAlgorithm.Sha1, 10));
    }

    string Refusal(string argument) =>
        Assert.Throws<PcrFormatException>(() => PcrValueReader.Read(argument, _values)).Message;
}
