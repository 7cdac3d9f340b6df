using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

public sealed class DpkgDatabaseTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("install ok installed", PackageState.Installed)]
    [InlineData("hold ok installed", PackageState.Installed)]
    [InlineData("install ok unpacked", PackageState.Installed)]
    [InlineData("install ok half-configured", PackageState.Installed)]
    [InlineData("install ok triggers-awaited", PackageState.Installed)]
    [InlineData("install ok triggers-pending", PackageState.Installed)]
    [InlineData("install reinstreq half-installed", PackageState.Broken)]
    [InlineData("deinstall ok config-files", PackageState.ConfigFiles)]
    [InlineData("purge ok not-installed", null)]
    public void Each_state_of_dpkg_is_known(string status, object? state)
    {
        WriteStatus($"Package: x\nStatus: {status}\nVersion: 1:2-3\nArchitecture: amd64\n");
        Assert.Equal(
            state == null ? [] : [new InstalledPackage(new PackageId("dpkg", "x", "1:2-3", "amd64", _directory.Root), (PackageState)state)],
            Read());
    }

    [Fact]
    public void Journal_of_a_run_comes_before_the_status_file()
    {
        WriteStatus(Package("a", "1") + "\n" + Package("b", "1"));
        WriteUpdate("0001", Package("a", "3"));
        WriteUpdate("0000", Package("a", "2"));
        WriteUpdate("tmp.i", Package("b", "9"));

        Assert.Equal(["a 3", "b 1"], Read().Select(package => $"{package.Id.Name} {package.Id.Version}").Order());
    }

    [Fact]
    public void Package_that_has_no_version_yet_is_none()
    {
        WriteStatus(Package("a", "1") + "\nPackage: b\nStatus: install reinstreq half-installed\nArchitecture: all\n");
        Assert.Equal(["a"], Read().Select(package => package.Id.Name));
    }

    [Fact]
    public void Fingerprint_changes_with_the_status_and_with_the_journal()
    {
        WriteStatus(Package("a", "1"));
        string first = Database.Fingerprint();
        Assert.Equal(first, Database.Fingerprint());
        WriteUpdate("0000", Package("a", "2"));
        string second = Database.Fingerprint();
        Assert.NotEqual(first, second);
        WriteStatus(Package("a", "22"));
        Assert.NotEqual(second, Database.Fingerprint());
    }

    [Theory]
    [InlineData(null, "is not there")]
    [InlineData("", "has no packages")]
    [InlineData("Package: x\nrubbish\n", "status:2: this is no field")]
    [InlineData("Package: x\nStatus: install ok installed\nVersion: 1\n", "architecture")]
    public void Status_that_cannot_be_read_is_an_error_and_not_an_empty_machine(string? text, string reason)
    {
        if (text != null)
        {
            WriteStatus(text);
        }

        Assert.Contains(reason, Assert.Throws<PackageException>(Read).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Status_that_others_can_write_says_nothing()
    {
        Privileges.Require();
        WriteStatus(Package("a", "1"));
        File.SetUnixFileMode(_directory.At("var", "lib", "dpkg", "status"), (UnixFileMode)0b110_110_100);
        Assert.Contains("root's alone", Assert.Throws<PackageException>(Read).Message, StringComparison.Ordinal);
    }

    DpkgDatabase Database => new(_directory.Root);

    static string Package(string name, string version) =>
        $"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: all\n";

    void WriteStatus(string text) => _directory.Write("var/lib/dpkg/status", text);

    void WriteUpdate(string name, string text) => _directory.Write($"var/lib/dpkg/updates/{name}", text);

    IReadOnlyList<InstalledPackage> Read() => Database.Read();
}
