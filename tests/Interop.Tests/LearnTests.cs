using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>`imahost learn`: from what a host recorded to a draft, its review, and its acceptance.</summary>
public sealed class LearnTests : IDisposable
{
    readonly Volume _volume = new("ext4");
    readonly string _work = Bench.NewDirectory("work");

    string Draft => Path.Combine(_work, "draft.sha256");

    string Configuration => Path.Combine(_work, "imahost.yaml");

    string References => Path.Combine(_work, "reference.d");

    public LearnTests()
    {
        Directory.CreateDirectory(References);
        File.WriteAllText(Configuration, $"reference: [{References}]\n");
    }

    public void Dispose() => _volume.Dispose();

    [Fact]
    public void What_a_host_would_have_denied_is_learned_reviewed_and_accepted()
    {
        string program = _volume.AddProgram("program");
        string labelled = _volume.AddProgram("labelled");
        Shell.Must(Bench.Program, "label", labelled);
        using Daemon daemon = Daemon.Ready(_volume.Path, $"--tpm none --appraise log --config {Configuration}");
        Assert.Equal(0, Shell.Script($"{program} && {labelled}").Status);

        string learned = Learn("--state", daemon.State, "--would-deny", "--path", $"{_volume.Path}/**", "--out", Draft);

        string digest = Shell.Must("sha256sum", program)[..64];
        Assert.Contains($"draft      {Draft}: 1 digest (sha256), of which 1 is new;", learned, StringComparison.Ordinal);
        Assert.Contains($"package    1 (no package)\ndirectory  1 {_volume.Path}\n", learned, StringComparison.Ordinal);
        Assert.Contains($"+          {digest[..12]}  {program}\n", learned, StringComparison.Ordinal);
        Assert.Contains("besides    1 file that would not be denied", learned, StringComparison.Ordinal);
        Assert.Contains($"\n{digest}  {program}\n", File.ReadAllText(Draft), StringComparison.Ordinal);
        Assert.Contains($"+          {digest[..12]}  {program}\n", Learn("--review", Draft), StringComparison.Ordinal);

        string accepted = Learn("--state", daemon.State, "--accept", Draft, "--into", "site.sha256", "--yes");

        string list = Path.Combine(References, "site.sha256");
        Assert.Contains($"accepted   {list}\nloaded     by the running host\n", accepted, StringComparison.Ordinal);
        Shell.Must("sha256sum", "--quiet", "-c", list);
        Assert.Equal([list], Directory.GetFiles(References));
        Assert.Equal("644\n", Shell.Must("stat", "-c", "%a", list));
    }

    [Fact]
    public void List_of_a_stopped_host_is_learned_from()
    {
        string program = _volume.AddProgram("program");
        using (Daemon daemon = Daemon.Ready(_volume.Path, "--tpm none"))
        {
            Assert.Equal(0, Shell.Script(program).Status);
            Assert.Equal(0, daemon.Stop());
            Learn("--state", daemon.State, "--path", $"{_volume.Path}/*", "--as", "yaml", "--out", Draft);
        }

        Assert.Contains($"digests:\n  - {{sha256: {Shell.Must("sha256sum", program)[..64]}, path: \"{program}\"}}\n", File.ReadAllText(Draft), StringComparison.Ordinal);
    }

    [Fact]
    public void Packages_of_what_ran_are_told()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/dpkg-query"), "there is no dpkg here");
        string digest = Shell.Must("sha256sum", "/usr/bin/env")[..64];
        string list = Bench.NewFile("list", AsciiEntry(digest, "/usr/bin/env"));

        Assert.Contains("package    1 coreutils\n", Learn("--list", list, "--out", Draft), StringComparison.Ordinal);
    }

    [Fact]
    public void Policy_that_was_learned_only_logs_and_is_accepted_by_the_policy_reader()
    {
        string digest = Shell.Must("sha256sum", "/usr/bin/env")[..64];
        string list = Bench.NewFile("list", AsciiEntry(digest, "/usr/bin/env"));
        string draft = Path.Combine(_work, "draft.yaml");

        string review = Learn("--list", list, "--as", "policy", "--out", draft);

        Assert.Contains("2 rules, of which 2 are not in force", review, StringComparison.Ordinal);
        Assert.Contains("+          appraise func=BPRM_CHECK imahost.path=/usr/bin/** imahost.by=reference imahost.mode=log\n", review, StringComparison.Ordinal);
        Assert.Contains("2 rules", Shell.Must(Bench.Program, "policy", "check", draft), StringComparison.Ordinal);
        string into = Path.Combine(_work, "rules.yaml");
        Assert.Contains("imahost policy load", Learn("--accept", draft, "--into", into, "--yes"), StringComparison.Ordinal);
        Assert.Contains("2 rules", Shell.Must(Bench.Program, "policy", "check", into), StringComparison.Ordinal);
    }

    [Fact]
    public void Draft_is_not_accepted_without_anybody_who_agrees()
    {
        string list = Bench.NewFile("list", AsciiEntry(Shell.Must("sha256sum", "/usr/bin/env")[..64], "/usr/bin/env"));
        Learn("--list", list, "--out", Draft);

        Outcome outcome = Shell.Feed("y\n", Bench.Program, "learn", "--config", Configuration, "--accept", Draft);

        Assert.Equal(2, outcome.Status);
        Assert.Contains("there is nobody to ask: look at the review, then give --yes", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(References));
    }

    [Theory]
    [InlineData("--out DRAFT --review DRAFT", "give one of --out DRAFT, --review DRAFT and --accept DRAFT")]
    [InlineData("", "give one of --out DRAFT, --review DRAFT and --accept DRAFT")]
    [InlineData("--out REFERENCES/draft.sha256 --list LIST", "is in force; write the draft elsewhere")]
    [InlineData("--out LINK/draft.sha256 --list LIST", "is in force; write the draft elsewhere")]
    [InlineData("--out DRAFT --list LIST --as sha512", "files are looked up by sha256 (hash:), not sha512")]
    [InlineData("--out DRAFT --list LIST --path [", "--path: \"[\" has a \"[\" without \"]\"")]
    [InlineData("--out DRAFT --list CONFIG", "entry 0 at offset 0")]
    [InlineData("--out CONFIG --list LIST", "is there already")]
    [InlineData("--review LIST", "does not begin as a draft does")]
    public void Step_that_cannot_be_done_says_why(string arguments, string why)
    {
        string list = Bench.NewFile("list", AsciiEntry(new string('1', 64), "/nowhere"));
        string link = Path.Combine(_work, "link");
        File.CreateSymbolicLink(link, References);
        string[] words = arguments.Replace("REFERENCES", References, StringComparison.Ordinal)
            .Replace("DRAFT", Draft, StringComparison.Ordinal).Replace("LINK", link, StringComparison.Ordinal)
            .Replace("LIST", list, StringComparison.Ordinal).Replace("CONFIG", Configuration, StringComparison.Ordinal)
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);

        Outcome outcome = Shell.Run(Bench.Program, ["learn", "--config", Configuration, .. words]);

        Assert.Equal(2, outcome.Status);
        Assert.Contains(why, outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(References));
    }

    static string AsciiEntry(string digest, string path) => $"10 {new string('a', 40)} ima-ng sha256:{digest} {path}\n";

    string Learn(params string[] arguments) => Shell.Must(Bench.Program, ["learn", "--config", Configuration, .. arguments]);
}
