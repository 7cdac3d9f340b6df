using System.Diagnostics;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Cli;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Engine;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Daemon;

/// <summary>The reasoning of `imahost why`, on real files.</summary>
public sealed class WhyTests : IDisposable
{
    const string Label = "security.ima\0";

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("appraise func=BPRM_CHECK", "enforce", nameof(WhyVerdict.Denied), "missing-hash")]
    [InlineData("appraise func=BPRM_CHECK", "log", nameof(WhyVerdict.WouldDeny), "missing-hash")]
    [InlineData("appraise func=BPRM_CHECK", "off", nameof(WhyVerdict.NotAsked), "missing-hash")]
    [InlineData("appraise func=BPRM_CHECK imahost.mode=log", "enforce", nameof(WhyVerdict.WouldDeny), "missing-hash")]
    [InlineData("appraise func=BPRM_CHECK appraise_type=imasig", "enforce", nameof(WhyVerdict.Denied), "IMA-signature-required")]
    [InlineData("appraise func=BPRM_CHECK imahost.by=reference", "enforce", nameof(WhyVerdict.Denied), "not-vouched-for")]
    [InlineData("appraise func=BPRM_CHECK uid=4242", "enforce", nameof(WhyVerdict.NotAsked), null)]
    [InlineData("measure func=BPRM_CHECK", "enforce", nameof(WhyVerdict.NotAsked), null)]
    public void Verdict_follows_the_rule_and_the_mode(string rule, string mode, string expected, string? cause)
    {
        WhyReport report = Explain(Tool(), rule, mode);
        WhyVerdict verdict = Enum.Parse<WhyVerdict>(expected);

        Assert.Equal(verdict, report.Verdict);
        bool fails = verdict is WhyVerdict.Denied or WhyVerdict.WouldDeny;
        Assert.Equal(fails ? cause : null, report.Cause);
        Assert.True(!fails || (report.Origin == "test:1" && report.Hook == "BPRM_CHECK"));
    }

    [Fact]
    public void Uid_is_that_of_who_was_denied_last()
    {
        string tool = Tool();
        Record(new DecisionRecord { Seq = 1, Outcome = DecisionOutcome.Denied, Path = tool, Uid = 4242 });

        Assert.Equal(WhyVerdict.Denied, Explain(tool, "appraise func=BPRM_CHECK uid=4242").Verdict);
    }

    [Theory]
    [InlineData(7, 400, "BPRM_CHECK")]
    [InlineData(7, 5000, "MMAP_CHECK")]
    [InlineData(8, 400, "MMAP_CHECK")]
    public void Exec_decides_where_it_failed_just_before_in_the_same_process(int pid, int milliseconds, string hook)
    {
        string tool = Tool();
        var exec = new DecisionRecord
        {
            Seq = 1, Time = DateTime.UnixEpoch, Outcome = DecisionOutcome.Denied, Path = tool, Hook = "BPRM_CHECK", Pid = 7,
        };
        Record(exec, exec with { Seq = 2, Time = exec.Time.AddMilliseconds(milliseconds), Hook = "MMAP_CHECK", Pid = pid });

        Assert.Equal(hook, Explain(tool, "appraise func=MMAP_CHECK\nappraise func=BPRM_CHECK\n").Hook);
    }

    [Fact]
    public void File_that_was_changed_after_it_was_signed_is_told_as_that()
    {
        string tool = Tool();
        string key = new KeyWorkshop(_directory).MakeKey("key", KeyWorkshop.Rsa);
        using LabelSigner signer = LabelSigner.Open(key, null, null);
        byte[] label = new byte[LabelSigner.MostBytes];
        int length = signer.Sign(Digest.Of(HashAlgorithm.Sha256, "another content"u8), label);
        Assert.SkipUnless(TrySet(tool, label.AsSpan(0, length)), "security.ima cannot be written here");
        Keyring keys = Keyring.Load([KeyWorkshop.PublicOf(key)], Blacklist.Empty, TimeProvider.System);

        WhyReport report = Explain(tool, "appraise func=BPRM_CHECK", vouchers: new Vouchers(keys, Blacklist.Empty, ReferenceIndex.Empty, DateTimeOffset.UtcNow));

        Assert.Equal(("invalid-signature", "bad"), (report.Cause, report.Label!.Check));
        Assert.Contains(report.Notes, note => note.StartsWith("it was changed after it was signed", StringComparison.Ordinal));
    }

    [Fact]
    public void Would_deny_counts_one_of_each_as_one()
    {
        Record(new DecisionRecord { Seq = 1, Outcome = DecisionOutcome.WouldDeny, Path = "/srv/a/x", Cause = "missing-hash" });

        string[] lines = [.. WouldDenyText.Lines(WouldDenyReport.Of(DecisionHistory.Read(_directory.At("state"))))];

        Assert.Equal("/srv/a: 1 file, 1 access", lines[0]);
        Assert.StartsWith("  x: missing-hash, 1 time, last on ", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Label_is_advised_where_it_would_do()
    {
        string tool = Tool();
        string learn = $"imahost learn --would-deny --path '{tool}' --out learned.sha256 && imahost learn --accept learned.sha256";
        Assert.Equal(
            [$"imahost label '{tool}'"], Commands(Explain(tool, "appraise func=BPRM_CHECK")));
        Assert.Equal(
            [$"imahost label --hash sha512 '{tool}'"], Commands(Explain(tool, "appraise func=BPRM_CHECK appraise_algos=sha512")));
        Assert.Equal(
            [$"imahost label --sign KEY '{tool}'"], Commands(Explain(tool, "appraise func=BPRM_CHECK appraise_type=imasig")));
        Assert.Equal(
            [$"imahost label --sign KEY '{tool}'"], Commands(Explain(tool, "appraise func=BPRM_CHECK imahost.by=ima-sig|package")));
        Assert.Equal([learn], Commands(Explain(tool, "appraise func=BPRM_CHECK imahost.by=reference")));
        Assert.Equal(
            [$"imahost label '{tool}'", learn],
            Commands(Explain(tool, "appraise func=BPRM_CHECK imahost.by=ima-hash|reference")));
        Assert.Empty(Commands(Explain(tool, "appraise func=BPRM_CHECK digest_type=verity appraise_type=sigv3")));
    }

    [Fact]
    public void Advice_does_what_it_says()
    {
        string tool = Tool();
        Assert.SkipUnless(TrySetLabel(tool, HashAlgorithm.Sha256), "security.ima cannot be written here");

        WhyReport report = Explain(tool, "appraise func=BPRM_CHECK");

        Assert.Equal((WhyVerdict.Allowed, "ima-hash", "hash"), (report.Verdict, report.By, report.Label!.Kind));
        Assert.Empty(report.Remedies);
    }

    [Fact]
    public void Rule_that_is_gone_and_allowed_it_is_told()
    {
        string tool = Tool();
        Assert.SkipUnless(TrySetLabel(tool, HashAlgorithm.Sha256), "security.ima cannot be written here");
        Record(Allowed(tool) with { Rule = "appraise func=BPRM_CHECK", Origin = "/etc/ima/policy.d/old.ima:7" });

        WhyReport report = Explain(tool, "appraise func=BPRM_CHECK appraise_type=imasig");

        Assert.Equal(["imahost policy load", $"imahost label --sign KEY '{tool}'"], Commands(report));
        Assert.Contains("/etc/ima/policy.d/old.ima:7", report.Remedies[0].Why, StringComparison.Ordinal);
        Assert.Contains(report.Changes, change => change.StartsWith("the rule: it was allowed by /etc/ima/policy.d/old.ima:7", StringComparison.Ordinal));
    }

    [Fact]
    public void What_changed_since_it_was_allowed_is_told()
    {
        string tool = Tool();
        DecisionRecord allowed = Allowed(tool) with { Digest = $"sha256:{new string('0', 64)}", Inode = 1, LabelTag = "77", Label = "hash", Mode = "log" };
        Record(allowed);

        WhyReport report = Explain(tool, "appraise func=BPRM_CHECK");

        Assert.Equal(1, report.LastAllowed!.Seq);
        string[] starts = ["its content, at ", "it is another file", "its security.ima: it was hash, now it is none", "the mode: it was log"];
        Assert.Equal(starts.Length, report.Changes.Count);
        Assert.All(starts.Zip(report.Changes), pair => Assert.StartsWith(pair.First, pair.Second, StringComparison.Ordinal));
    }

    [Fact]
    public void Lists_that_say_something_of_it_are_named_with_their_line()
    {
        string tool = Tool();
        string digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(tool)));
        string other = new('0', 64);
        string sums = _directory.Write("lists/a.sha256", $"{other}  /elsewhere\n{other}  {tool}\n{other}  {tool}.old\n{digest} *{tool}\n");
        string package = _directory.Write("state/packages/p.sha256", $"# imahost package list 1\n# package: pack\n{digest}  /usr{tool}\n");
        _ = _directory.Write("lists/ignored.txt", digest);

        WhyReport report = Explain(tool, "appraise func=BPRM_CHECK");

        Assert.Equal(
            [new ListLine(sums, 2, true, false, null), new ListLine(sums, 4, true, true, null), new ListLine(package, 3, false, true, "pack")],
            report.Lists);
    }

    [Fact]
    public void File_that_is_gone_still_has_its_decisions()
    {
        string path = _directory.At("gone");
        Record(Allowed(path));

        WhyReport report = Explain(path, "appraise func=BPRM_CHECK");

        Assert.Equal(WhyVerdict.Unknown, report.Verdict);
        Assert.Contains("No such file or directory (ENOENT)", report.Error, StringComparison.Ordinal);
        _ = Assert.Single(report.Decisions);
    }

    [Fact]
    public void Directory_is_no_file_that_is_asked_about()
    {
        WhyReport report = Explain(_directory.Root, "appraise");

        Assert.Equal(WhyVerdict.NotAsked, report.Verdict);
        Assert.Equal("no regular file: nothing is asked about it", report.Error);
    }

    [Fact]
    public void Package_of_a_file_is_found_under_either_name()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/dpkg-query") && File.Exists("/usr/bin/env"), "no dpkg here");

        PackageOwner? owner = PackageOwner.Find("/usr/bin/env");

        Assert.Equal(("dpkg", "coreutils", false), (owner!.Manager, owner.Name, owner.Altered));
        Assert.Equal("coreutils", PackageOwner.FindNames(["/usr/bin/env", "/no/such/file"])["/usr/bin/env"]);
        Assert.Null(PackageOwner.Find(Tool()));
    }

    [Fact]
    public void Package_of_a_file_is_asked_for_by_its_very_name()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/dpkg-query"), "no dpkg here");
        string database = _directory.At("dpkg");
        _ = _directory.Write("dpkg/status", "Package: p\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nMaintainer: x <x@example.org>\nDescription: p\n");
        _ = _directory.Write("dpkg/info/format", "1\n");
        string[] names = ["/opt/a*", "/opt/a?", "/opt/[ab]", @"/opt/x\x2d", "/opt/ab", "/opt/a", "/opt/xx2d"];
        _ = _directory.Write("dpkg/info/p.list", $"/.\n/opt\n{string.Join('\n', names)}\n");

        foreach (string name in names)
        {
            Assert.Equal($"p: {name}\n", Printed("/usr/bin/dpkg-query", $"--admindir={database}", "-S", "--", PackageOwner.Pattern(name)));
        }
    }

    [Fact]
    public void Package_is_found_of_a_file_with_a_backslash_in_its_name()
    {
        const string slice = @"/usr/lib/systemd/system/system-systemd\x2dcryptsetup.slice";
        Assert.SkipUnless(File.Exists("/usr/bin/dpkg-query") && File.Exists(slice), "no dpkg or no systemd here");

        Assert.Equal("systemd", PackageOwner.FindNames([slice])[slice]);
    }

    [Fact]
    public void Name_that_would_drive_the_terminal_is_escaped_and_quoted()
    {
        string tool = _directory.Write("a\u001b[2J\n  to allow   x\u202e", "a tool");
        string gone = _directory.At("gone\u001b[2J\n");
        Record(new DecisionRecord { Seq = 1, Outcome = DecisionOutcome.Denied, Path = gone, Cause = "missing-hash" });

        WhyReport report = Explain(tool, "appraise func=BPRM_CHECK");
        string[] lines =
        [
            .. WhyText.Lines(report), .. WhyText.Lines(Explain(gone, "appraise")),
            .. WouldDenyText.Lines(WouldDenyReport.Of(DecisionHistory.Read(_directory.At("state")))),
        ];

        Assert.Equal($@"{_directory.Root}/a\x1b[2J\x0a  to allow   x\xe2\x80\xae: denied", lines[0]);
        Assert.Contains(lines, line => line.StartsWith($@"{_directory.Root}/gone\x1b[2J\x0a: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith(@"  gone\x1b[2J\x0a: missing-hash", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Any(one => char.IsControl(one) || one == '\u202e'));
        Assert.Equal(tool, Printed("bash", "-c", $"printf %s {Assert.Single(report.Remedies).Command["imahost label ".Length..]}"));
    }

    [Theory]
    [InlineData(false, false, true, false)]
    [InlineData(false, false, false, true)]
    [InlineData(true, false, false, true)]
    [InlineData(null, true, true, false)]
    public void Package_has_altered_a_file_by_what_was_recorded_of_its_version(
        bool? said, bool isDenied, bool hasDigest, bool expected)
    {
        var owner = new PackageOwner("dpkg", "tool:amd64", "2.0", said);
        Assert.Equal(expected, owner.Compared([OfTool("1.0", !hasDigest), OfTool("2.0", hasDigest)], isDenied).Altered);
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, null)]
    [InlineData(true, true, true)]
    public void Package_manager_that_is_denied_the_file_finds_no_fault_with_it(bool? said, bool isDenied, bool? expected)
    {
        var owner = new PackageOwner("dpkg", "tool", "2.0", said);
        Assert.Equal(expected, owner.Compared([OfTool("1.0", hasDigest: true)], isDenied).Altered);
    }

    static ListLine OfTool(string version, bool hasDigest) => new("/lists/tool", 8, HasPath: true, hasDigest, "tool", version);

    [Fact]
    public void Would_deny_counts_files_by_directory_and_forgets_what_was_allowed_since()
    {
        Record(
            new DecisionRecord { Seq = 1, Outcome = DecisionOutcome.WouldDeny, Path = "/srv/a/x", Cause = "missing-hash", Count = 3 },
            new DecisionRecord { Seq = 2, Outcome = DecisionOutcome.WouldDeny, Path = "/srv/a/y", Cause = "invalid-hash" },
            new DecisionRecord { Seq = 3, Outcome = DecisionOutcome.LeftRunning, Path = "/srv/b/z", Cause = "missing-hash" },
            new DecisionRecord { Seq = 4, Outcome = DecisionOutcome.WouldDeny, Path = "/srv/a/x", Cause = "invalid-hash" });
        Record(new DecisionRecord { Seq = 5, Outcome = DecisionOutcome.Allowed, Path = "/srv/a/y" });

        WouldDenyReport report = WouldDenyReport.Of(DecisionHistory.Read(_directory.At("state")));

        Assert.Equal((2, 5), (report.Files, report.Count));
        Assert.Equal(["/srv/a", "/srv/b"], report.Directories.Select(directory => directory.Directory));
        WouldDenyFile x = Assert.Single(report.Directories[0].Files);
        Assert.Equal(("/srv/a/x", "invalid-hash", 4), (x.Path, x.Cause, x.Count));
    }

    static string Printed(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return printed;
    }

    string Tool()
    {
        string path = _directory.Write("tool", "a tool");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    static DecisionRecord Allowed(string path) => new() { Seq = 1, Time = DateTime.UnixEpoch, Outcome = DecisionOutcome.Allowed, Path = path };

    void Record(params DecisionRecord[] records)
    {
        string state = _directory.At("state");
        string file = records[0].IsAllowed ? DecisionHistory.AllowedIn(state) : DecisionHistory.DeniedIn(state);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, string.Concat(records.Select(record => Encoding.UTF8.GetString(record.ToLine()))));
    }

    WhyReport Explain(string path, string rule, string mode = "enforce", Vouchers? vouchers = null)
    {
        Assert.True(Words.TryParse(mode, out AppraiseMode appraise));
        string state = _directory.At("state");
        var context = new WhyContext
        {
            Options = new DaemonOptions { State = state, Appraise = appraise, Reference = [_directory.At("lists")] },
            Policy = Policies.Read(rule),
            Vouchers = vouchers ?? Vouchers.Empty,
            History = DecisionHistory.Read(state),
        };
        return new Explainer(context).Explain(path, most: 5);
    }

    static string[] Commands(WhyReport report) => [.. report.Remedies.Select(remedy => remedy.Command)];

    static bool TrySetLabel(string path, HashAlgorithm algorithm)
    {
        using FileInspection file = FileInspection.Of(path, algorithm);
        byte[] label = new byte[2 + HashAlgorithm.MaxSize];
        return TrySet(path, label.AsSpan(0, SecurityIma.Write(file.File.Digest, label)));
    }

    static bool TrySet(string path, ReadOnlySpan<byte> label)
    {
        using HeldFile held = HeldFile.Open(path);
        return held.SetXattr(Encoding.ASCII.GetBytes(Label), label) == 0;
    }
}
