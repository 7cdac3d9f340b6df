using System.Text.Json;
using ImaHost.InteropTests.Support;

namespace ImaHost.InteropTests;

/// <summary>Installing, upgrading and removing the packages in a Debian without systemd, which the service watches.</summary>
public sealed class PackageScriptTests : IDisposable
{
    const string State = "/var/lib/imahost";
    readonly PrivateRoot _root = new(isInstalled: false);

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Package_comes_and_goes_without_systemd_and_starts_nothing()
    {
        string said = InstallBuilt();

        _root.Must("getent group ima");
        Assert.Contains("measure func=BPRM_CHECK", _root.Must("imahost policy show"), StringComparison.Ordinal);
        Assert.False(File.Exists(_root.At($"{State}/lock")), said);

        // Again: now with its hook.
        _root.Must("dpkg -i /tmp/imahost.deb");
        Assert.Contains("Status: install ok installed", _root.Must("dpkg -s imahost"), StringComparison.Ordinal);
        _root.Write($"{State}/lists/kept", "x");
        _root.Write("/etc/imahost/imahost.yaml.d/10-site.yaml", "pcr: 11\n");

        _root.Must("dpkg -r imahost");
        Assert.False(File.Exists(_root.At("/usr/sbin/imahost")));
        Assert.Equal("x", _root.Read($"{State}/lists/kept"));
        Assert.NotEqual("", _root.Read("/etc/imahost/imahost.yaml"));
        _root.Must("dpkg -l bash");

        _root.Must("dpkg -P imahost");
        Assert.False(Directory.Exists(_root.At(State)));
        Assert.False(Directory.Exists(_root.At("/etc/imahost")));
        Assert.False(File.Exists(_root.At("/etc/dpkg/dpkg.cfg.d/imahost")));
    }

    [Fact]
    public void Upgrade_hands_the_gate_over_and_removal_opens_it_in_good_order()
    {
        InstallBuilt();
        _root.Install(BuiltPackage.Newer("99.0"), "/tmp/newer.deb");
        using Daemon daemon = Daemon.InRoot(_root);
        string list = File.ReadAllText(daemon.AsciiList);
        using StreamReader reader = File.OpenText(daemon.AsciiList);
        int host = daemon.HostPid;

        string said = _root.Must("dpkg -i /tmp/newer.deb");

        Assert.Contains(" goes on as process ", said, StringComparison.Ordinal);
        Assert.NotEqual(host, daemon.HostPid);
        Assert.StartsWith("/memfd:imahost-guard", Shell.Must("readlink", $"/proc/{daemon.GuardPid}/exe"), StringComparison.Ordinal);
        string after = reader.ReadToEnd();
        Assert.StartsWith(list, after, StringComparison.Ordinal);
        Assert.DoesNotContain("imahost-stop", after, StringComparison.Ordinal);
        Assert.Contains(" /var/lib/dpkg/info/imahost.postinst", after, StringComparison.Ordinal);

        _root.Must("dpkg -r imahost");

        Assert.Equal(0, daemon.Stop());
        Assert.DoesNotContain(daemon.Fs, File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.Contains("imahost-stop", Shell.Must(Bench.Program, "list", "--state", daemon.State), StringComparison.Ordinal);
    }

    [Fact]
    public void Upgrade_that_cannot_take_over_says_so_and_leaves_the_service_as_it_is()
    {
        InstallBuilt();
        _root.Install(BuiltPackage.Newer("99.0", "s/imahost-guard abi [0-9]*/imahost-guard abi 0/"), "/tmp/newer.deb");
        using Daemon daemon = Daemon.InRoot(_root);

        Outcome outcome = _root.Run("dpkg -i /tmp/newer.deb");

        Assert.Equal(0, outcome.Status);
        Assert.Contains("cannot take over from what runs: ", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("imahost-guard abi 0", outcome.Errors, StringComparison.Ordinal);
        JsonElement status = daemon.Status();
        Assert.NotEqual(0, status.GetProperty("host_pid").GetInt32());
    }

    [Fact]
    public void Removal_fails_while_the_service_does_not_end()
    {
        InstallBuilt();
        using Daemon daemon = Daemon.InRoot(_root);

        // The command that would end it does nothing.
        _root.Must("mv /usr/sbin/imahost /usr/sbin/imahost.whole; ln -s /bin/false /usr/sbin/imahost");
        Outcome refused = _root.Run("dpkg -r imahost");

        Assert.NotEqual(0, refused.Status);
        Assert.Contains($"the service with its state in {State} does not end", refused.Errors, StringComparison.Ordinal);
        Assert.Contains(" ok installed", _root.Must("dpkg -s imahost"), StringComparison.Ordinal);
        _root.Must("rm /usr/sbin/imahost; mv /usr/sbin/imahost.whole /usr/sbin/imahost; dpkg -r imahost");
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Rpm_comes_is_upgraded_and_goes()
    {
        _root.Install(BuiltPackage.Rpm, "/tmp/imahost.rpm");
        _root.Write("/etc/rpm/macros", "%_dbpath /var/lib/rpm\n");
        _root.Must("rpm --nodeps -i /tmp/imahost.rpm");
        _root.Must("getent group ima");
        _root.Must("rpm -V --nodeps imahost");
        using Daemon daemon = Daemon.InRoot(_root);
        int host = daemon.HostPid;

        string said = _root.Must("rpm --nodeps -U --replacepkgs /tmp/imahost.rpm");

        Assert.Contains(" goes on as process ", said, StringComparison.Ordinal);
        Assert.NotEqual(host, daemon.HostPid);
        _root.Must("rpm -e imahost");
        Assert.Equal(0, daemon.Stop());
        Assert.False(File.Exists(_root.At("/usr/sbin/imahost")));
        Assert.True(Directory.Exists(_root.At($"{State}/lists")));
    }

    string InstallBuilt()
    {
        _root.Install(BuiltPackage.Deb, "/tmp/imahost.deb");
        return _root.Must("dpkg -i /tmp/imahost.deb");
    }
}
