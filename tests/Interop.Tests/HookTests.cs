using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>What rules about each hook, and each action, are about.</summary>
public sealed class HookTests
{
    const string NoRules = "measure func=BPRM_CHECK uid=7\n";

    static readonly string[] Flags =
        ["os.O_RDONLY", "os.O_WRONLY", "os.O_RDWR", "os.O_WRONLY | os.O_APPEND", "os.O_RDWR | os.O_APPEND"];

    [Theory]
    [InlineData("", "os.O_RDONLY", "os.O_WRONLY", "os.O_RDWR", "os.O_WRONLY | os.O_APPEND", "os.O_RDWR | os.O_APPEND")]
    [InlineData("mask=MAY_READ", "os.O_RDONLY")]
    [InlineData("mask=^MAY_READ", "os.O_RDONLY", "os.O_RDWR", "os.O_RDWR | os.O_APPEND")]
    [InlineData("mask=MAY_WRITE", "os.O_WRONLY")]
    [InlineData("mask=^MAY_WRITE", "os.O_WRONLY", "os.O_RDWR", "os.O_WRONLY | os.O_APPEND", "os.O_RDWR | os.O_APPEND")]
    [InlineData("mask=MAY_APPEND")]
    [InlineData("mask=^MAY_APPEND", "os.O_WRONLY | os.O_APPEND", "os.O_RDWR | os.O_APPEND")]
    [InlineData("mask=MAY_EXEC")]
    public void Mask_is_compared_with_the_whole_access_or_with_a_part_of_it(string mask, params string[] measured)
    {
        using var bench = new PolicyBench(kind: "ext4");
        using var actor = new Actor();
        bench.Put(NoRules);
        string[] files = [.. Flags.Select((_, i) => bench.AddData($"file{i}."))];
        bench.Put($"measure func=FILE_CHECK {mask}\n");

        for (int i = 0; i < Flags.Length; i++)
        {
            actor.Close(actor.Open(files[i], Flags[i]));
        }

        Assert.Equal(measured, Flags.Where((_, i) => bench.IsMeasured(files[i])));
    }

    [Theory]
    [InlineData("MODULE_CHECK", "lib/a.ko lib/a.ko.xz lib/a.ko.zst lib/a.ko.gz", "lib/a.kob lib/ko")]
    [InlineData("FIRMWARE_CHECK", "lib/firmware/a.bin lib/firmware/deep/b", "lib/firm/a.bin firmware/a.bin")]
    [InlineData("KEXEC_KERNEL_CHECK", "boot/vmlinuz-6.1 boot/bzImage", "boot/grub.cfg boot/initrd.img-6.1")]
    [InlineData("KEXEC_INITRAMFS_CHECK", "boot/initrd.img-6.1 boot/initramfs-6.1.img", "boot/vmlinuz-6.1 initrd.img")]
    public void What_the_kernel_loads_is_known_by_its_path(string hook, string paths, string others)
    {
        using var bench = new PolicyBench();
        using var actor = new Actor();
        bench.Put(NoRules);
        string[] loaded = [.. paths.Split(' ').Select(bench.AddData)];
        string[] rest = [.. others.Split(' ').Select(bench.AddData)];
        bench.Put($"measure func={hook}\n");

        // Writing it is not loading it.
        actor.Close(actor.OpenToWrite(loaded[0]));
        Assert.False(bench.IsMeasured(loaded[0]));
        foreach (string path in (string[])[.. loaded, .. rest])
        {
            actor.Close(actor.OpenToRead(path));
        }

        Assert.All(loaded, path => Assert.True(bench.IsMeasured(path), path));
        Assert.DoesNotContain(rest, bench.IsMeasured);
    }

    [Fact]
    public void Module_that_nobody_vouches_for_cannot_be_opened_to_be_loaded()
    {
        using var bench = new PolicyBench("--appraise enforce", "ext4");
        string module = bench.AddData("a.ko");
        string other = bench.AddData("a.txt");
        bench.Put("appraise func=MODULE_CHECK\n");

        Assert.Contains("Operation not permitted", Shell.Run("cat", module).Errors, StringComparison.Ordinal);
        Assert.Equal(0, Shell.Run("cat", other).Status);
        Shell.Must(Bench.Program, "label", module);
        Assert.Equal(0, Shell.Run("cat", module).Status);
    }

    [Fact]
    public void Set_user_ID_program_is_a_CREDS_CHECK_of_the_user_it_becomes()
    {
        using var bench = new PolicyBench();
        string set = bench.Volume.AddProgram("set");
        string plain = bench.Volume.AddProgram("plain");
        string byRoot = bench.Volume.AddProgram("root");
        string before = bench.Volume.AddProgram("before");
        Shell.Must("chmod", "4755", set, before);
        bench.Put("measure func=BPRM_CHECK euid=0\n");
        Assert.Equal(0, Shell.Script($"{PolicyBench.AsUser} {before}").Status);
        Assert.False(bench.IsMeasured(before));

        bench.Put("measure func=CREDS_CHECK euid=0\n");
        Assert.Equal(0, Shell.Script($"{PolicyBench.AsUser} {set} && {PolicyBench.AsUser} {plain} && {byRoot}").Status);

        Assert.True(bench.IsMeasured(set));
        Assert.True(bench.IsMeasured(byRoot));
        Assert.False(bench.IsMeasured(plain));
    }

    [Fact]
    public void Exec_and_mapping_are_hooks_of_their_own()
    {
        using var bench = new PolicyBench();
        string ran = bench.Volume.AddProgram("ran");
        string opened = bench.Volume.AddProgram("opened");
        string script = bench.Volume["script"];
        Shell.Must("/bin/sh", "-c", $"printf '#!/bin/sh\\n' > {script}; chmod 755 {script}");
        string all = $"{ran} && cat {opened} >/dev/null && {script}";

        // execve(2) maps a program, but not a script.
        bench.Put("measure func=MMAP_CHECK mask=MAY_EXEC\n");
        Assert.Equal(0, Shell.Script(all).Status);
        Assert.Equal([true, true, false], ((string[])[ran, opened, script]).Select(bench.IsMeasured));

        bench.Put("measure func=BPRM_CHECK mask=MAY_EXEC pcr=11\n");
        Assert.Equal(0, Shell.Script(all).Status);
        Assert.Equal([2, 1, 1], ((string[])[ran, opened, script]).Select(path => bench.Daemon.Entries(path).Length));
    }

    [Fact]
    public void Audit_is_one_line_for_each_content()
    {
        using var bench = new PolicyBench(kind: "ext4");
        string program = bench.Volume.AddProgram("program");
        bench.Put("audit func=BPRM_CHECK\n");
        string first = Shell.Must("sha256sum", program)[..64];
        Assert.Equal(0, Shell.Script($"{program}; {program}; {PolicyBench.AsUser} {program}").Status);
        bench.Put("audit func=BPRM_CHECK\naudit func=MMAP_CHECK\n");
        Assert.Equal(0, Shell.Script(program).Status);
        Volume.Change(program);
        string second = Shell.Must("sha256sum", program)[..64];
        Assert.Equal(0, Shell.Script(program).Status);

        Shell.Until(() => Audits(bench.Daemon).Length == 2, $"two lines; {bench.Daemon.Log}");
        Assert.Contains($" audit file=\"{program}\" hash=\"sha256:{first}\" pid=", Audits(bench.Daemon)[0], StringComparison.Ordinal);
        Assert.Contains($" audit file=\"{program}\" hash=\"sha256:{second}\" pid=", Audits(bench.Daemon)[1], StringComparison.Ordinal);
        Assert.Contains(" uid=0 rule=\"policy file:1\"", Audits(bench.Daemon)[0], StringComparison.Ordinal);
        Assert.Empty(bench.Daemon.Entries(program));
    }

    [Fact]
    public void Hash_writes_the_digest_and_never_over_a_signature()
    {
        const string signature = "0x030204a4010f57000411223344";
        string rules = Bench.NewFile("rules", "dont_hash fowner=65533\nhash func=BPRM_CHECK\n");
        using var bench = new PolicyBench($"--policy {rules}", "ext4");
        string bare = bench.Volume.AddProgram("bare");
        string stale = bench.Volume.AddProgram("stale");
        string signed = bench.Volume.AddProgram("signed");
        string spared = bench.Volume.AddProgram("spared");
        Shell.Must("setfattr", "-n", "security.ima", "-v", $"0x0404{new string('1', 64)}", stale);
        Shell.Must("setfattr", "-n", "security.ima", "-v", signature, signed);
        Shell.Must("chown", "65533", spared);

        Assert.Equal(0, Shell.Script($"{bare} && {stale} && {signed} && {spared}").Status);

        Assert.Equal($"0x0404{Shell.Must("sha256sum", bare)[..64]}", LabelOf(bare));
        Assert.Equal($"0x0404{Shell.Must("sha256sum", stale)[..64]}", LabelOf(stale));
        Assert.Equal(signature, LabelOf(signed));
        Assert.Equal("", LabelOf(spared));
        Assert.Empty(bench.Daemon.Entries(bare));
    }

    [Fact]
    public void Hash_is_refused_by_a_host_that_was_started_without_the_right_to_label()
    {
        using var bench = new PolicyBench();
        string before = bench.InForce;
        _ = Shell.Feed("hash func=BPRM_CHECK\n", "/bin/sh", "-c", $"cat > {bench.File}");

        const string said = "the action hash writes labels, for which this host was not given the right";
        Shell.Until(() => bench.Daemon.Log.Contains(said, StringComparison.Ordinal), "it is said");
        Assert.Equal(before, bench.InForce);
    }

    [Theory]
    [InlineData("measure func=KEY_CHECK", "func=KEY_CHECK cannot be seen here: no event tells of keys")]
    [InlineData("measure func=KEXEC_CMDLINE", "func=KEXEC_CMDLINE cannot be seen here: no event tells of the command line")]
    [InlineData("appraise func=SETXATTR_CHECK appraise_algos=sha256", "func=SETXATTR_CHECK cannot be seen here: events tell")]
    public void What_cannot_be_seen_is_refused_with_the_reason(string rule, string said)
    {
        string file = Bench.NewFile("rules", $"{rule}\n");
        Outcome outcome = Shell.Run(Bench.Program, "policy", "check", file);
        Assert.Equal(1, outcome.Status);
        Assert.Contains($"imahost: {file}:1:1: {said}", outcome.Errors, StringComparison.Ordinal);
    }

    static string[] Audits(Daemon daemon) =>
        [.. daemon.Log.Split('\n').Where(line => line.Contains(" audit file=", StringComparison.Ordinal))];

    static string LabelOf(string path)
    {
        string shown = Shell.Run("getfattr", "--absolute-names", "-e", "hex", "-n", "security.ima", path).Output;
        int at = shown.IndexOf("security.ima=", StringComparison.Ordinal);
        return at >= 0 ? shown[(at + 13)..].TrimEnd('\n') : "";
    }
}
