using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>dpkg, apt and rpm in a root of their own: when their packages are recorded, and when they expire.</summary>
public sealed class PackageHookTests : IDisposable
{
    const string State = "/var/lib/imahost/packages";
    readonly PrivateRoot _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Package_is_recorded_before_its_first_script_runs()
    {
        string archive = _root.Build(
            "tool", "1.0", ("preinst", $"cp {State}/tool_1.0_amd64.sha256 /tmp/seen; ls /usr/bin/tool >/tmp/unpacked || :"),
            ("postinst", "tool >/tmp/ran"));

        _root.Must($"dpkg -i {archive}");

        string seen = _root.Read("/tmp/seen");
        Assert.Contains("# package: tool\n", seen, StringComparison.Ordinal);
        Assert.Matches("(?m)^# recorded: unpack ", seen);
        Assert.Equal("", _root.Read("/tmp/unpacked"));
        Assert.Equal("1.0 of 1.0\n", _root.Read("/tmp/ran"));
        Assert.Equal(seen, _root.Read($"{State}/tool_1.0_amd64.sha256"));

        // It vouches for what is on disk now, scripts and configuration included, and for as long as it is installed.
        _root.Must($"sha256sum --check --strict --quiet {State}/tool_1.0_amd64.sha256");
        foreach (string path in (string[])["/usr/bin/tool", "/usr/lib/libtool.so", "/etc/tool.conf",
            "/var/lib/dpkg/info/tool.preinst", "/var/lib/dpkg/info/tool.postinst"])
        {
            Assert.Contains($"  {path}\n", seen, StringComparison.Ordinal);
        }

        Assert.Empty(_root.Expiring());
        Assert.Equal("", _root.Read($"{State}/pending"));
    }

    [Fact]
    public void Upgrade_leaves_the_old_version_valid_for_the_grace_and_no_longer()
    {
        _root.Must($"dpkg -i {_root.Build("tool", "1.0")}");
        string archive = _root.Build("tool", "2.0", ("postinst", $"tool >/tmp/ran; cat {State}/expiring >/tmp/expiring || :"));

        _root.Must($"dpkg -i {archive}");

        Assert.Equal("2.0 of 2.0\n", _root.Read("/tmp/ran"));
        Assert.Equal("", _root.Read("/tmp/expiring"));
        Assert.Equal(["tool_1.0_amd64.sha256"], _root.Expiring());
        AwaitGrace();
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_2.0_amd64.sha256"], _root.ListsOf("tool"));
        Assert.Empty(_root.Expiring());
    }

    [Fact]
    public void Downgrade_takes_the_old_version_back()
    {
        string old = _root.Build("tool", "1.0");
        _root.Must($"dpkg -i {old}");
        _root.Must($"dpkg -i {_root.Build("tool", "2.0")}");
        _root.Must($"dpkg -i {old}");

        Assert.Equal(["tool_2.0_amd64.sha256"], _root.Expiring());
        AwaitGrace();
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_1.0_amd64.sha256"], _root.ListsOf("tool"));
    }

    [Fact]
    public void Removed_package_expires_and_its_last_script_when_it_is_purged()
    {
        _root.Must($"dpkg -i {_root.Build("tool", "1.0", ("postrm", "echo $1 >>/tmp/postrm"))}");
        _root.Must("dpkg -r tool");
        Assert.Equal(["tool_1.0_amd64.sha256"], _root.Expiring());
        AwaitGrace();
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_1.0_amd64~config.sha256"], _root.ListsOf("tool"));
        _root.Must($"sha256sum --check --strict --quiet {State}/tool_1.0_amd64~config.sha256");

        _root.Must("dpkg -P tool");
        Assert.Equal("remove\npurge\n", _root.Read("/tmp/postrm"));
        Assert.Equal(["tool_1.0_amd64~config.sha256"], _root.Expiring());
        AwaitGrace();
        _root.Must("imahost packages reconcile");
        Assert.Empty(_root.ListsOf("tool"));
    }

    [Fact]
    public void Apt_has_each_of_many_packages_recorded()
    {
        string[] names = ["one", "two", "three"];
        string archives = string.Join(' ', names.Select(name => _root.Build(
            name, "1.0", ("preinst", $"ls {State}/one_1.0_amd64.sha256 {State}/two_1.0_amd64.sha256 {State}/three_1.0_amd64.sha256 >>/tmp/seen"))));

        _root.Must($"apt-get install -qq -y -o APT::Sandbox::User=root {archives}");

        Assert.Equal(3 * names.Length, _root.Read("/tmp/seen").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.All(names, name => Assert.Single(_root.ListsOf(name)));
        Assert.Empty(_root.Expiring());
        Assert.Equal("", _root.Read($"{State}/pending"));
    }

    [Fact]
    public void Dpkg_that_is_killed_while_it_unpacks_leaves_both_versions_valid_until_the_package_is_repaired()
    {
        string old = _root.Build("tool", "1.0");
        _root.Must($"dpkg -i {old}");
        Assert.NotEqual(0, _root.Run($"dpkg -i {_root.Build("tool", "2.0", ("preinst", "kill -9 $PPID"))}").Status);
        Assert.Contains("half-installed", _root.Must("dpkg-query -s tool"), StringComparison.Ordinal);
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_1.0_amd64.sha256", "tool_2.0_amd64.sha256"], _root.ListsOf("tool"));
        Assert.Empty(_root.Expiring());

        _root.Must($"dpkg -i {old}");

        Assert.Equal(["tool_2.0_amd64.sha256"], _root.Expiring());
        AwaitGrace();
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_1.0_amd64.sha256"], _root.ListsOf("tool"));
    }

    [Fact]
    public void Dpkg_that_is_killed_after_it_unpacked_leaves_the_old_version_no_longer_than_the_grace()
    {
        _root.Must($"dpkg -i {_root.Build("tool", "1.0")}");
        Assert.NotEqual(0, _root.Run($"dpkg -i {_root.Build("tool", "2.0", ("postinst", "test -e /tmp/again || kill -9 $PPID"))}").Status);

        _root.Must("imahost packages reconcile");

        Assert.Equal(["tool_1.0_amd64.sha256"], _root.Expiring());
        AwaitGrace();
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_2.0_amd64.sha256"], _root.ListsOf("tool"));
        _root.Must("touch /tmp/again; dpkg --configure -a");
        Assert.Equal(["tool_2.0_amd64.sha256"], _root.ListsOf("tool"));
        Assert.Empty(_root.Expiring());
    }

    [Fact]
    public void Package_that_fails_to_install_expires()
    {
        Assert.NotEqual(0, _root.Run($"dpkg -i {_root.Build("tool", "1.0", ("preinst", "exit 1"))}").Status);
        _root.Must("imahost packages reconcile");
        Assert.Equal(["tool_1.0_amd64.sha256"], _root.Expiring());
    }

    [Fact]
    public void Hook_that_cannot_record_warns_and_lets_dpkg_go_on()
    {
        _root.Write(State, "a file in the place of the directory");
        Outcome installed = _root.Run($"dpkg -i {_root.Build("tool", "1.0")}");
        Assert.Equal(0, installed.Status);
        Assert.Contains("imahost: warning: ", installed.Errors, StringComparison.Ordinal);
        Assert.Equal("1.0 of 1.0\n", _root.Must("tool"));
    }

    [Fact]
    public void Strict_hook_keeps_dpkg_from_installing_what_cannot_be_recorded()
    {
        _root.Write("/etc/dpkg/dpkg.cfg.d/imahost", "pre-invoke=imahost packages dpkg-hook pre --strict\n");
        string archive = _root.Build("tool", "1.0");
        _root.Write(State, "a file in the place of the directory");
        Assert.NotEqual(0, _root.Run($"dpkg -i {archive}").Status);
        Assert.False(File.Exists(_root.At("/usr/bin/tool")));
    }

    [Fact]
    public void Broken_archive_is_told_and_the_others_are_recorded()
    {
        string fine = _root.Build("tool", "1.0");
        _root.Write("/tmp/broken.deb", "this is no archive");
        Outcome installed = _root.Run($"dpkg -i /tmp/broken.deb {fine}");
        Assert.Contains("imahost: warning: /tmp/broken.deb: dpkg-deb: ", installed.Errors, StringComparison.Ordinal);
        Assert.Equal(["tool_1.0_amd64.sha256"], _root.ListsOf("tool"));
    }

    [Fact]
    public void Import_vouches_for_the_whole_of_a_fresh_system()
    {
        string said = _root.Must("imahost packages import --verbose");
        int packages = _root.Must("dpkg-query -W").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
        Assert.Contains($"dpkg: {packages} packages imported, ", said, StringComparison.Ordinal);
        Assert.DoesNotMatch("(?m)^(changed|missing|not root)", said);
        _root.Must($"sha256sum --check --strict --quiet {State}/dash_*.sha256 {State}/libc6_*.sha256 {State}/coreutils_*.sha256");
        Assert.Contains("0 packages imported", _root.Must("imahost packages import dpkg"), StringComparison.Ordinal);
    }

    [Fact]
    public void Rpm_is_recorded_before_its_scripts_run()
    {
        string directory = Bench.NewDirectory("rpm");
        string hook = BuildRpm(directory, "imahost-hook", "1", $"%include {Bench.Repository}/packaging/rpm/triggers.spec");
        string old = BuildRpm(directory, "tool", "1", $"%post\ncp {State}/tool_1-1_noarch.sha256 /tmp/seen");
        string fresh = BuildRpm(directory, "tool", "2", $"%post\ncp {State}/tool_2-1_noarch.sha256 /tmp/seen");
        const string rpm = "rpm --nodeps --dbpath /var/lib/rpm";

        // rpm in Debian keeps the database in a home.
        _root.Write("/etc/rpm/macros", "%_dbpath /var/lib/rpm\n");
        _root.Must($"{rpm} -i {hook}");
        _root.Must($"{rpm} -i {old}");
        Assert.Matches("(?m)^# recorded: header ", _root.Read("/tmp/seen"));
        _root.Must($"sha256sum --check --strict --quiet {State}/tool_1-1_noarch.sha256");

        _root.Must($"{rpm} -U {fresh}");
        Assert.Contains("# version: 2-1\n", _root.Read("/tmp/seen"), StringComparison.Ordinal);
        Assert.Equal(["tool_1-1_noarch.sha256"], _root.Expiring());
        Assert.Contains("imported", _root.Must("imahost packages import rpm"), StringComparison.Ordinal);
    }

    static void AwaitGrace() => Thread.Sleep(TimeSpan.FromSeconds(PrivateRoot.Grace + 1));

    string BuildRpm(string directory, string name, string version, string sections)
    {
        string spec = Path.Combine(directory, $"{name}{version}.spec");
        File.WriteAllText(spec, $"""
            Name: {name}
            Version: {version}
            Release: 1
            Summary: x
            License: x
            BuildArch: noarch
            AutoReqProv: no
            %description
            x
            %install
            mkdir -p %buildroot/usr/share/{name}
            echo {version} >%buildroot/usr/share/{name}/text
            %files
            /usr/share/{name}
            {sections}
            """);
        string top = Path.Combine(directory, $"{name}{version}");
        Shell.Must("rpmbuild", "--quiet", "-bb", "--define", $"_topdir {top}", "--define", "_build_id_links none", spec);
        string built = Directory.GetFiles(top, "*.rpm", SearchOption.AllDirectories).Single();
        string path = $"/tmp/{Path.GetFileName(built)}";
        File.Copy(built, _root.At(path));
        return path;
    }
}
