using ImaHost.Packages;
using Xunit;

namespace ImaHost.Tests.Packages;

public sealed class DpkgInfoTests
{
    const string Md5 = "d41d8cd98f00b204e9800998ecf8427e";

    [Theory]
    [InlineData("usr/bin/x", "/usr/bin/x")]
    [InlineData("usr/share/two words  x ", "/usr/share/two words  x ")]
    [InlineData("usr/back\\slash", "/usr/back\\slash")]
    [InlineData("usr/share/\xe4\xff", "/usr/share/\xe4\xff")]
    [InlineData("/usr/rooted", "/usr/rooted")]
    public void Odd_names_in_md5sums_are_taken_as_they_are(string name, string path) =>
        Assert.Equal([(path, Md5)], DpkgInfo.ParseMd5Sums($"{Md5}  {name}\n", "md5sums"));

    [Theory]
    [InlineData("\nxyz")]
    [InlineData("\n" + Md5)]
    [InlineData("\n" + Md5 + "  ")]
    [InlineData("\nz41d8cd98f00b204e9800998ecf8427e  usr/bin/x")]
    public void Damaged_md5sums_are_refused_with_the_line(string text) => Assert.StartsWith(
        "x.md5sums:2: ", Assert.Throws<PackageException>(() => DpkgInfo.ParseMd5Sums(text, "x.md5sums")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Conffiles_are_read_with_spaces_and_marks()
    {
        string field = $"\n/etc/a {Md5}\n/etc/b c {Md5} obsolete\n/etc/new newconffile\n/etc/d {Md5} remove-on-upgrade";
        Assert.Equal([("/etc/a", Md5), ("/etc/b c", Md5), ("/etc/d", Md5)], DpkgInfo.ParseConffiles(field));
        Assert.Empty(DpkgInfo.ParseConffiles(null));
    }

    [Fact]
    public void Diversions_come_three_lines_each()
    {
        Dictionary<string, (string To, string By)> diversions =
            DpkgInfo.ParseDiversions("/bin/a\n/bin/a.old\nother\n/bin/b\n/bin/b.local\n:\n");
        Assert.Equal(("/bin/a.old", "other"), diversions["/bin/a"]);
        Assert.Equal(("/bin/b.local", ":"), diversions["/bin/b"]);
    }
}
