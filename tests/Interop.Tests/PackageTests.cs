using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>A machine that enforces, and whose packages vouch for all that runs on it.</summary>
public sealed class PackageTests : IDisposable
{
    const int CannotExecute = 126;
    const string Lists = "/var/lib/imahost/packages";
    readonly PrivateRoot _root = new();
    readonly Daemon _daemon;

    public PackageTests()
    {
        // The product itself is no package here: an administrator's list vouches for it, and for the tests' own device nodes.
        _root.Write("/etc/ima/reference.d/imahost.sha256", _root.Must(
            "sha256sum /usr/sbin/imahost /usr/libexec/imahost/imahost-guard"));
        _root.Must("imahost packages import dpkg");
        Directory.CreateDirectory(_root.At("/run/ima"));
        _daemon = new Daemon(
            "/", "--policy packages --tpm none --appraise enforce", $"chroot {_root.Root} /usr/sbin/imahost",
            "/var/lib/imahost", "/run/ima");
        _daemon.AwaitReady();
    }

    public void Dispose()
    {
        _daemon.Dispose();
        Shell.Run("umount", "-l", _root.At("/run/ima"));
        _root.Dispose();
    }

    [Fact]
    public void Packages_come_and_go_under_enforce()
    {
        string old = _root.Build("tool", "1.0", Scripts("1.0"));
        string fresh = _root.Build("tool", "2.0", Scripts("2.0"));
        _root.Must($"dpkg -i {old}");
        Assert.Equal("1.0 of 1.0\n", _root.Must("tool"));
        _root.Must($"dpkg -i {fresh}");
        Assert.Equal("2.0 of 2.0\n", _root.Must("tool"));
        _root.Must($"dpkg -i {old}");
        Assert.Equal("1.0 of 1.0\n", _root.Must("tool"));
        _root.Must($"apt-get install -qq -y -o APT::Sandbox::User=root {fresh} {_root.Build("other", "1.0", Scripts("1.0"))}");
        Assert.Equal("2.0 of 2.0\n", _root.Must("tool"));
        _root.Must("dpkg -r tool");
        AwaitGrace("tool_2.0_amd64.sha256");
        _root.Must("dpkg -P tool");

        // apt configures its two in an order of its own.
        string[] ran = _root.Read("/tmp/ran").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["postinst of 1.0", "postinst of 2.0", "postinst of 1.0"], ran[..3]);
        Assert.Equal(["postinst of 1.0", "postinst of 2.0"], ran[3..].Order());
        Assert.DoesNotContain("denied ", _daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_was_changed_after_it_was_installed_is_denied()
    {
        _root.Must($"dpkg -i {_root.Build("tool", "1.0")}");
        Assert.Equal("1.0 of 1.0\n", _root.Must("tool"));
        File.AppendAllText(_root.At("/usr/bin/tool"), "changed");
        Assert.Equal(CannotExecute, _root.Run("tool").Status);
        Shell.Until(() => _daemon.Log.Contains("denied \"/usr/bin/tool\"", StringComparison.Ordinal), "it is told");
    }

    [Fact]
    public void Old_version_is_denied_when_the_grace_is_over_though_no_hook_ran()
    {
        _root.Must($"dpkg -i {_root.Build("tool", "1.0")}");
        File.Copy(_root.At("/usr/bin/tool"), _root.At("/usr/bin/kept"));
        string fresh = _root.Build("tool", "2.0");
        _root.Must($"imahost packages record {fresh}");
        File.Delete(_root.At("/etc/dpkg/dpkg.cfg.d/imahost"));
        _root.Must($"dpkg -i {fresh}");
        Assert.Equal(0, _root.Run("/usr/bin/kept").Status);

        AwaitGrace("tool_1.0_amd64.sha256");

        Shell.Until(() => _root.Run("/usr/bin/kept").Status == CannotExecute, "the old program is denied");
        Assert.Equal("2.0 of 2.0\n", _root.Must("tool"));
    }

    static (string, string)[] Scripts(string version) =>
    [
        ("preinst", "test -x /bin/true"),
        ("postinst", $"echo postinst of {version} >>/tmp/ran; if command -v tool; then tool; fi"),
        ("postrm", "true"),
    ];

    void AwaitGrace(string list) =>
        Shell.Until(() => !File.Exists(_root.At($"{Lists}/{list}")), $"{list} is gone; {_daemon.Log}", 3 * PrivateRoot.Grace + 5);
}
