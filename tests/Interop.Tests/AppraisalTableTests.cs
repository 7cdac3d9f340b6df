using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>
/// The kernel's appraisal (ima_appraise_measurement), row by row, on real files with labels that evmctl made. fs-verity
/// has rows of its own in the recorded vectors, because this needs a kernel with it.
/// </summary>
public sealed class AppraisalTableTests : IDisposable
{
    const int CannotExecute = 126;
    const string AnyHash = "appraise func=BPRM_CHECK\n";
    const string Signed = "appraise func=BPRM_CHECK appraise_type=imasig\n";

    readonly Volume _volume = new("ext4");
    readonly KeyBench _keys = new();

    public void Dispose() => _volume.Dispose();

    /// <summary>The label, the rule, what is denied for, and none where it passes.</summary>
    public static TheoryData<string, string, string?> Rows => new()
    {
        { "none", AnyHash, "missing-hash" },
        { "none", Signed, "IMA-signature-required" },
        { "hash", AnyHash, null },
        { "sha1", AnyHash, null },
        { "hash of other", AnyHash, "invalid-hash" },
        { "hash", Signed, "IMA-signature-required" },
        { "rsa", AnyHash, null },
        { "rsa", Signed, null },
        { "p256", Signed, null },
        { "p384", Signed, null },
        { "rsa of other", AnyHash, "invalid-signature" },
        { "rsa of other", Signed, "invalid-signature" },
        { "stranger", AnyHash, "invalid-signature" },
        { "stranger", Signed, "invalid-signature" },
        { "rsa", "appraise func=BPRM_CHECK appraise_type=imasig appraise_algos=sha512\n", "denied-hash-algorithm" },
        { "hash", "appraise func=BPRM_CHECK appraise_algos=sha512\n", "denied-hash-algorithm" },
        { "rsa512", "appraise func=BPRM_CHECK appraise_type=imasig appraise_algos=sha512\n", null },
        { "cut", Signed, "invalid-signature" },
        { "rsa", "appraise func=BPRM_CHECK digest_type=verity appraise_type=sigv3\n", "no-verity-digest" },
        { "hash", "appraise func=BPRM_CHECK imahost.by=ima-sig\n", "not-vouched-for" },
        { "hash", "appraise func=BPRM_CHECK imahost.by=ima-sig|ima-hash\n", null },
        { "rsa", "appraise func=BPRM_CHECK imahost.by=ima-sig\n", null },
        { "stranger", "appraise func=BPRM_CHECK imahost.by=ima-sig|reference\n", "invalid-signature" },
        { "none", "appraise func=BPRM_CHECK imahost.by=package|reference\n", "not-vouched-for" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Row_holds_under_enforce_log_and_off(string label, string rule, string? cause)
    {
        string program = _volume.AddProgram("program");
        Label(program, label);
        foreach (string mode in (string[])["enforce", "log", "off"])
        {
            using Daemon daemon = Start(mode, "measure func=BPRM_CHECK\n" + rule);
            bool denied = mode == "enforce" && cause != null;
            Assert.Equal(denied ? CannotExecute : 0, Shell.Script(program).Status);
            Assert.Single(daemon.Entries(program));
            if (cause != null && mode != "off")
            {
                string outcome = denied ? "denied" : "would deny";
                Shell.Until(() => daemon.Log.Contains($" {outcome} \"{program}\" ", StringComparison.Ordinal), $"said; {daemon.Log}");
                Assert.Contains($" cause={cause} ", daemon.Log, StringComparison.Ordinal);
            }
            else
            {
                Assert.DoesNotContain("deny \"", daemon.Log, StringComparison.Ordinal);
            }

            daemon.Stop();
        }
    }

    [Theory]
    [InlineData("none", "0x0404")]
    [InlineData("hash of other", "0x0404")]
    [InlineData("stranger", "0x0302")]
    [InlineData("rsa of other", "0x0302")]
    public void Fix_lets_run_and_writes_hashes_but_never_over_a_signature(string label, string after)
    {
        string program = _volume.AddProgram("program");
        Label(program, label);
        using Daemon daemon = Start("fix", AnyHash);

        Assert.Equal(0, Shell.Script(program).Status);
        Assert.StartsWith(after, KeyBench.ReadLabel(program), StringComparison.Ordinal);
    }

    [Fact]
    public void Filesystem_without_labels_is_denied()
    {
        string place = Bench.NewDirectory("ramfs");
        Shell.Must("mount", "-t", "ramfs", "imahost-volume", place);
        try
        {
            string program = Path.Combine(place, "program");
            Shell.Must("cp", "/bin/echo", program);
            using Daemon daemon = Daemon.Ready(place, $"--tpm none --appraise enforce --policy {Bench.NewFile("rules.ima", AnyHash)}");

            Assert.Equal(CannotExecute, Shell.Script(program).Status);
            Shell.Until(() => daemon.Log.Contains("cause=no-xattr-support", StringComparison.Ordinal), $"said; {daemon.Log}");
        }
        finally
        {
            Shell.Run("umount", "-l", place);
        }
    }

    [Fact]
    public void Key_that_comes_or_is_revoked_counts_from_the_reload_on()
    {
        string program = _volume.AddProgram("program");
        Label(program, "rsa");
        using Daemon daemon = Start("enforce", Signed);
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.Equal(0, Shell.Script(program).Status);

        string id = KeyBench.ReadLabel(program).Substring("0x030204".Length, 8);
        _keys.Revoke($"key:{id}");
        Load(daemon);
        Assert.Equal(CannotExecute, Shell.Script(program).Status);

        _keys.Revoke("# nothing any more");
        Load(daemon);
        Assert.Equal(0, Shell.Script(program).Status);
    }

    [Fact]
    public void Content_that_is_revoked_is_denied_whoever_signed_it()
    {
        string program = _volume.AddProgram("program");
        Label(program, "rsa");
        using Daemon daemon = Start("enforce", Signed);
        Assert.Equal(0, Shell.Script(program).Status);

        _keys.Revoke($"bin:{Shell.Must("sha256sum", program)[..64]}");
        Load(daemon);

        Assert.Equal(CannotExecute, Shell.Script(program).Status);
        Shell.Until(() => daemon.Log.Contains("cause=blacklisted-hash", StringComparison.Ordinal), $"said; {daemon.Log}");
    }

    [Fact]
    public void Signature_is_verified_once_for_a_content()
    {
        string program = _volume.AddProgram("program");
        Label(program, "rsa");
        using Daemon daemon = Start("enforce", Signed + "audit func=BPRM_CHECK\n");
        for (int run = 0; run < 20; run++)
        {
            Assert.Equal(0, Shell.Script(program).Status);
        }

        Assert.Equal(1, daemon.Status().GetProperty("vouchers").GetProperty("signatures_verified").GetInt64());
    }

    /// <summary>The rename of a directory above is told to nobody, so a verdict of the place must not be kept.</summary>
    [Fact]
    public void Verdict_that_a_list_gave_for_a_place_does_not_hold_elsewhere()
    {
        Directory.CreateDirectory(_volume["tools"]);
        string program = _volume.AddProgram("tools/program");
        string digest = Shell.Must("sha256sum", program)[..64];
        File.WriteAllText(
            Path.Combine(_keys.Lists, "tools.yaml"),
            $"version: 1\npaths: [\"{_volume["tools"]}/**\"]\ndigests:\n  - sha256: {digest}\n");
        using Daemon daemon = Start("enforce", "appraise func=BPRM_CHECK imahost.by=reference\n");
        Assert.Equal(0, Shell.Script(program).Status);
        Assert.Equal(0, Shell.Script(program).Status);

        Directory.Move(_volume["tools"], _volume["elsewhere"]);

        Assert.Equal(CannotExecute, Shell.Script(_volume["elsewhere/program"]).Status);
    }

    [Fact]
    public void Rule_in_log_mode_lets_run_what_others_deny()
    {
        string ours = _volume.AddProgram("ours");
        Directory.CreateDirectory(_volume["trial"]);
        string trial = _volume.AddProgram("trial/program");
        using Daemon daemon = Start(
            "enforce", $"appraise func=BPRM_CHECK imahost.path={_volume["trial"]}/** imahost.mode=log\n" + AnyHash);

        Assert.Equal(CannotExecute, Shell.Script(ours).Status);
        Assert.Equal(0, Shell.Script(trial).Status);
        Shell.Until(
            () => daemon.Log.Contains($" would deny \"{trial}\" hook=BPRM_CHECK", StringComparison.Ordinal), $"said; {daemon.Log}");
    }

    Daemon Start(string mode, string rules) => Daemon.Ready(
        _volume.Path,
        $"--tpm none --appraise {mode} --policy {Bench.NewFile("rules.ima", rules)} --config {_keys.Configuration}");

    static void Load(Daemon daemon) => Shell.Must(Bench.Program, "reference", "update", "--state", daemon.State);

    /// <summary>Labels a program as a row says. "of other": what was labelled is not what it is any more.</summary>
    void Label(string program, string label)
    {
        string kind = label.Split(' ')[0];
        if (kind == "none")
        {
            return;
        }

        if (kind is "hash" or "sha1")
        {
            Shell.Must("evmctl", "ima_hash", "-a", kind == "sha1" ? "sha1" : "sha256", program);
        }
        else
        {
            string key = kind switch { "rsa512" or "cut" => "rsa", _ => kind };
            Shell.Must("evmctl", "ima_sign", "-a", kind == "rsa512" ? "sha512" : "sha256", "--key", _keys[key], program);
        }

        if (kind == "cut")
        {
            Shell.Must("setfattr", "-n", "security.ima", "-v", KeyBench.ReadLabel(program)[..^2], program);
        }

        if (label.EndsWith(" of other", StringComparison.Ordinal))
        {
            Volume.Change(program);
        }
    }
}
