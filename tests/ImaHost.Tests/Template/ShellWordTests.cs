using System.Diagnostics;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Template;

public sealed class ShellWordTests : IDisposable
{
    /// <summary>Of these, names are made up that get at shells, terminals and escapes.</summary>
    static readonly byte[][] Pieces =
    [
        .. new[] { "'", "\\", "\\x41", "\\'", "$'", "\"", "$(touch pwned)", "`touch pwned`", ";touch pwned;", "#", "\n", "\r", "\u001b[2J", "!", "*", "~", " ", "-", "é", "\u202e", "\u0085", "x", "7", "/" }
            .Select(Encoding.UTF8.GetBytes),
        [0xff], [0xc3], [0xe2, 0x80], [0xed, 0xa0, 0x80], [0x01], [0x7f],
    ];

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Quote_gives_bash_the_very_bytes_of_any_name()
    {
        var random = new Random(20260);
        byte[][] names = [.. Enumerable.Range(0, 2000).Select(_ => RandomName(random)), .. Pieces, []];

        byte[] printed = Run("bash", $"printf '%s\\0' {string.Join(' ', names.Select(name => ShellWord.Quote(name)))}");

        Assert.Equal(Convert.ToHexString([.. names.SelectMany(name => name.Append((byte)0))]), Convert.ToHexString(printed));
        Assert.Empty(Directory.GetFiles(_directory.Root));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("sh")]
    public void Advice_on_a_file_whose_name_has_a_command_runs_none(string shell)
    {
        byte[] name = Encoding.UTF8.GetBytes(@"/home/u/a\x41\';touch pwned;#");
        byte[] odd = [.. name, (byte)'\n'];

        foreach (byte[] one in new[] { name, odd })
        {
            string command = AppraisalText.Advice(Outcome.MissingHash, one).Split("imahost label ")[1];
            byte[] printed = Run(shell, $"printf %s {command}");
            Assert.True(shell != "bash" || printed.AsSpan().SequenceEqual(one), Encoding.UTF8.GetString(printed));
        }

        Assert.Empty(Directory.GetFiles(_directory.Root));
    }

    [Theory]
    [InlineData("/bin/a b", "'/bin/a b'")]
    [InlineData(@"/bin/a\x41", @"'/bin/a\x41'")]
    [InlineData("/bin/é", "'/bin/é'")]
    [InlineData("/bin/it's\\\n", @"$'/bin/it\x27s\\\x0a'")]
    [InlineData("/bin/a\"b", @"$'/bin/a\x22b'")]
    public void Quote_stays_readable_where_it_can(string name, string expected) =>
        Assert.Equal(expected, ShellWord.Quote(Encoding.UTF8.GetBytes(name)));

    [Theory]
    [InlineData("libstdc++6:amd64", "libstdc++6:amd64")]
    [InlineData("--resume", "--resume")]
    [InlineData("", "''")]
    [InlineData("a;b", "'a;b'")]
    public void Of_leaves_a_plain_word_bare(string word, string expected) => Assert.Equal(expected, ShellWord.Of(word));

    static byte[] RandomName(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, 9)).SelectMany(_ => Pieces[random.Next(Pieces.Length)])];

    byte[] Run(string shell, string script)
    {
        // By a file: one argument of a program has a limit.
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.WriteAllText(path, script);
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(shell, [path])
            {
                WorkingDirectory = _directory.Root,
                RedirectStandardOutput = true,
            })!;
            using var printed = new MemoryStream();
            process.StandardOutput.BaseStream.CopyTo(printed);
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
            return printed.ToArray();
        }
        finally
        {
            File.Delete(path);
        }
    }
}
