using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Buffers get into the list by `imahost measure`.</summary>
public sealed class BufferTests(BufferBench bench) : IClassFixture<BufferBench>
{
    [Fact]
    public void File_and_standard_input_are_entered_with_their_digest_and_bytes()
    {
        byte[] bytes = [0, 1, 10, 0xff, .. Encoding.ASCII.GetBytes("text")];
        string file = Bench.NewFile("bytes", "");
        File.WriteAllBytes(file, bytes);

        Outcome fromFile = bench.Measure("", file, "--name", "from-file");
        Outcome fromInput = bench.Measure("typed in\n", "-", "--name", "from-input");

        Assert.Equal((0, "from-file: 8 bytes, entered\n"), (fromFile.Status, fromFile.Output));
        Assert.Equal((0, "from-input: 9 bytes, entered\n"), (fromInput.Status, fromInput.Output));
        Assert.EndsWith(ShownAs("ima-buf", "from-file", bytes), Entry("from-file"), StringComparison.Ordinal);
        Assert.EndsWith(
            ShownAs("ima-buf", "from-input", "typed in\n"u8), Entry("from-input"), StringComparison.Ordinal);
        Assert.Equal(0, bench.Tpm.Verify(bench.Daemon.BinaryList).Status);
        Assert.Equal(0, bench.Tpm.Verify(bench.Daemon.BinaryList, "sha1").Status);
    }

    [Fact]
    public void Template_of_files_shows_the_digest_alone()
    {
        Assert.Equal(0, bench.Measure("secret", "-", "--name", "plain", "--template", "ima-ng").Status);

        Assert.EndsWith(ShownAs("ima-ng", "plain", "secret"u8), Entry("plain"), StringComparison.Ordinal);
        Outcome unknown = bench.Measure("secret", "-", "--name", "plain2", "--template", "ima-none");
        Assert.Equal((1, "imahost: there is no template ima-none\n"), (unknown.Status, unknown.Errors));
        Outcome nameless = bench.Measure("secret", "-", "--name", "plain3", "--template", "d-ng|buf");
        Assert.Equal((1, "imahost: template d-ng|buf has no field n-ng\n"), (nameless.Status, nameless.Errors));
    }

    [Fact]
    public void Digest_stands_for_the_bytes_that_are_too_many_or_secret()
    {
        string large = new('x', 3 << 20);

        Outcome entered = bench.Measure(large, "-", "--name", "large", "--digest", "--json");

        byte[] digest = SHA256.HashData(Encoding.ASCII.GetBytes(large));
        Assert.EndsWith(ShownAs("ima-buf", "large", digest), Entry("large"), StringComparison.Ordinal);
        JsonElement result = JsonDocument.Parse(entered.Output).RootElement;
        Assert.Equal(("large", 32), (result.GetProperty("name").GetString(), result.GetProperty("bytes").GetInt32()));
        Assert.True(result.GetProperty("stored").GetBoolean());
    }

    [Fact]
    public void Same_name_and_bytes_are_entered_once_and_other_bytes_again()
    {
        Assert.Contains("entered", bench.Measure("one", "-", "--name", "twice").Output, StringComparison.Ordinal);
        Outcome again = bench.Measure("one", "-", "--name", "twice");
        Assert.Equal((0, "twice: 3 bytes, stands in the list already\n"), (again.Status, again.Output));
        Outcome json = bench.Measure("one", "-", "--name", "twice", "--json");
        Assert.False(JsonDocument.Parse(json.Output).RootElement.GetProperty("stored").GetBoolean());
        Assert.Contains("entered", bench.Measure("two", "-", "--name", "twice").Output, StringComparison.Ordinal);

        Assert.Equal(2, bench.Daemon.Entries("twice ").Length);
    }

    [Theory]
    [InlineData("/usr/bin/true")]
    [InlineData("boot_aggregate")]
    [InlineData("imahost-start")]
    [InlineData("[inode 1:2:3]")]
    public void Name_of_what_is_not_a_buffer_is_refused(string name)
    {
        string before = File.ReadAllText(bench.Daemon.AsciiList);

        Outcome refused = bench.Measure("x", "-", "--name", name);

        Assert.Equal(1, refused.Status);
        Assert.Matches("^imahost: names that begin with \".+\" are given to others\n$", refused.Errors);
        Assert.Equal(before, File.ReadAllText(bench.Daemon.AsciiList));
    }

    [Fact]
    public void Name_of_more_than_255_bytes_is_refused_and_one_with_spaces_is_one_word()
    {
        Outcome longer = bench.Measure("x", "-", "--name", new string('n', 256));
        Assert.Equal((1, "imahost: the name is longer than 255 bytes\n"), (longer.Status, longer.Errors));
        Assert.Equal(0, bench.Measure("x", "-", "--name", new string('n', 255)).Status);
        Assert.Equal(2, bench.Measure("x", "-", "--name", "two\nlines").Status);

        Assert.Equal(0, bench.Measure("x", "-", "--name", "a b c").Status);
        Assert.Contains(" a_b_c ", Entry("a_b_c"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1 << 20)]
    [InlineData((4 << 20) - (64 * 1024))]
    public void Buffer_over_the_limit_is_refused_with_the_limit(int more)
    {
        Outcome refused = bench.Measure(new string('x', BufferBench.Limit + more), "-", "--name", "too-large");

        Assert.Equal(1, refused.Status);
        Assert.Contains(
            $"{BufferBench.Limit + more} bytes of data are more than the limit, {BufferBench.Limit}", refused.Errors,
            StringComparison.Ordinal);
        Assert.Empty(bench.Daemon.Entries("too-large"));
    }

    [Theory]
    [InlineData("/dev/zero", "/dev/zero has more than 4194304 bytes, the most that is entered: give --digest")]
    [InlineData("/dev", "/dev is a directory: give a file")]
    [InlineData("", "The value cannot be an empty string. (Parameter 'path')")]
    public void What_cannot_be_read_to_its_end_is_refused_unasked(string path, string why)
    {
        Outcome refused = bench.Measure("", path, "--name", "endless");
        Assert.Equal((2, $"imahost: {why}\n"), (refused.Status, refused.Errors));
    }

    [Fact]
    public void Digest_of_more_than_any_host_takes_is_entered()
    {
        string large = new('y', (4 << 20) + 1);
        Assert.Equal(0, bench.Measure(large, "-", "--name", "huge", "--digest").Status);
        byte[] digest = SHA256.HashData(Encoding.ASCII.GetBytes(large));
        Assert.EndsWith(ShownAs("ima-buf", "huge", digest), Entry("huge"), StringComparison.Ordinal);
    }

    [Fact]
    public void State_directory_whose_name_is_too_long_for_a_socket_is_said_in_one_line()
    {
        string state = "/" + new string('s', 150);
        foreach (string[] command in (string[][])[["status"], ["measure", "/dev/null", "--name", "x"], ["verify"]])
        {
            Outcome refused = Shell.Run(Bench.Program, [.. command, "--state", state]);
            Assert.Equal(2, refused.Status);
            Assert.Contains(state, refused.Errors, StringComparison.Ordinal);
            Assert.Equal(1, refused.Errors.Count(letter => letter == '\n'));
        }
    }

    [Fact]
    public void Buffer_of_the_limit_is_entered()
    {
        Outcome entered = bench.Measure(new string('x', BufferBench.Limit), "-", "--name", "just-fits");

        Assert.Equal((0, $"just-fits: {BufferBench.Limit} bytes, entered\n"), (entered.Status, entered.Output));
        Assert.Equal(0, bench.Tpm.Verify(bench.Daemon.BinaryList).Status);
    }

    [Fact]
    public void Without_a_daemon_or_a_file_the_status_says_that_nothing_could_be_asked()
    {
        string state = Bench.NewDirectory("nobody");

        Outcome nobody = Shell.Feed("x", Bench.Program, "measure", "-", "--name", "x", "--state", state);
        Outcome nothing = bench.Measure("", "/nowhere/file", "--name", "x");
        Outcome both = bench.Measure("", "--name", "x");

        Assert.Equal((2, 2, 2), (nobody.Status, nothing.Status, both.Status));
        Assert.StartsWith($"imahost: no host answers at {state}/control: ", nobody.Errors, StringComparison.Ordinal);
        Assert.Contains("/nowhere/file", nothing.Errors, StringComparison.Ordinal);
        Assert.Contains("give either a file", both.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Kernel_memory_that_cannot_be_read_is_said()
    {
        Assert.SkipWhen(File.Exists("/proc/kcore"), "this kernel shows its memory: /proc/kcore is there");

        Outcome refused = bench.Measure("", "--kernel", "0xffffffff81000000", "--length", "16", "--name", "kernel");

        Assert.Equal(2, refused.Status);
        Assert.Contains("/proc/kcore", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(1, refused.Errors.Count(letter => letter == '\n'));
        Assert.Empty(bench.Daemon.Entries("kernel"));
    }

    string Entry(string name) => Assert.Single(bench.Daemon.Entries(name));

    /// <summary>The end of a line: everything behind the template digest.</summary>
    static string ShownAs(string template, string name, ReadOnlySpan<byte> bytes) =>
        $" {template} sha256:{Convert.ToHexStringLower(SHA256.HashData(bytes))} {name}"
        + (template == "ima-buf" ? $" {Convert.ToHexStringLower(bytes)}" : "");
}
