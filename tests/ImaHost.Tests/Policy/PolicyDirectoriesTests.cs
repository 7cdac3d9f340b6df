using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Policy;

public sealed class PolicyDirectoriesTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Standard_directories_end_with_that_of_the_administrator() =>
        Assert.Equal(
            ["/usr/lib/ima/policy.d", "/run/imahost/policy.d", "/etc/ima/policy.d"], PolicyDirectories.Standard);

    [Fact]
    public void Files_are_sorted_by_name_over_all_directories()
    {
        Write("usr/50-b.yaml", "usr/10-z.ima", "usr/B.ima", "run/20-a.yaml", "etc/5-x.ima", "etc/a.ima");
        Assert.Equal(["run/20-a.yaml", "etc/5-x.ima", "usr/50-b.yaml", "usr/B.ima", "etc/a.ima"], Files()[1..]);
        Assert.Equal("usr/10-z.ima", Files()[0]);
    }

    [Fact]
    public void File_of_a_later_directory_overrides_one_of_the_same_name()
    {
        Write("usr/a.yaml", "run/a.yaml", "etc/a.yaml", "usr/b.ima", "run/b.ima", "usr/c.ima", "usr/a.ima");
        Assert.Equal(["usr/a.ima", "etc/a.yaml", "run/b.ima", "usr/c.ima"], Files());
    }

    [Theory]
    [InlineData(".a.yaml")]
    [InlineData(".a.yaml.swp")]
    [InlineData("a.yaml~")]
    [InlineData("#a.yaml#")]
    [InlineData("a.yaml.dpkg-old")]
    [InlineData("a.ima.sig")]
    [InlineData("a.yml")]
    [InlineData("a.YAML")]
    [InlineData("README")]
    [InlineData(".ima")]
    [InlineData("yaml")]
    public void Other_files_are_not_taken(string name)
    {
        Write($"etc/{name}");
        Assert.Empty(Files());
    }

    [Fact]
    public void Link_to_the_null_device_masks_a_file_of_an_earlier_directory()
    {
        Write("usr/a.yaml", "usr/b.yaml");
        Link("etc/a.yaml", "/dev/null");
        Assert.Equal(["usr/b.yaml"], Files());
    }

    [Fact]
    public void Chain_of_links_to_the_null_device_masks()
    {
        Write("usr/a.yaml");
        Link("dev", "/dev");
        Link("first", "dev/null");
        Link("etc/a.yaml", "../first");
        Assert.Empty(Files());
    }

    [Fact]
    public void Mask_of_an_earlier_directory_is_overridden()
    {
        Link("usr/a.yaml", "/dev/null");
        Write("etc/a.yaml");
        Assert.Equal(["etc/a.yaml"], Files());
    }

    [Fact]
    public void Empty_file_masks_nothing_but_takes_the_place_of_another()
    {
        Write("usr/a.ima");
        _ = _directory.Write("etc/a.ima", "");
        Assert.Equal(["etc/a.ima"], Files());
    }

    [Fact]
    public void Link_to_a_file_is_taken_under_its_own_name()
    {
        _ = _directory.Write("elsewhere", "");
        Link("etc/a.yaml", "../elsewhere");
        Assert.Equal(["etc/a.yaml"], Files());
    }

    [Fact]
    public void Link_that_leads_nowhere_is_named()
    {
        Link("etc/a.yaml", "missing");
        Refused("etc/a.yaml", "is a link to missing, where no file is");
    }

    [Fact]
    public void Link_that_leads_nowhere_is_overridden()
    {
        Link("usr/a.yaml", "missing");
        Write("etc/a.yaml");
        Assert.Equal(["etc/a.yaml"], Files());
    }

    [Fact]
    public void Missing_directories_have_no_files() => Assert.Empty(Files());

    [Fact]
    public void File_in_the_place_of_a_directory_is_an_error()
    {
        Write("etc");
        Refused("etc", "");
    }

    [Fact]
    public void Directory_that_is_a_link_to_nowhere_is_an_error()
    {
        Link("etc", "missing");
        Refused("etc", "No such file or directory (ENOENT)");
    }

    [Fact]
    public void Directory_that_cannot_be_reached_is_an_error()
    {
        Link("etc", "etc");
        Refused("etc", "Too many levels of symbolic links (ELOOP)");
    }

    void Write(params string[] names)
    {
        foreach (string name in names)
        {
            _ = _directory.Write(name, "# rules\n");
        }
    }

    void Link(string name, string target)
    {
        string path = _directory.At(name);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _ = File.CreateSymbolicLink(path, target);
    }

    string[] Files() =>
    [
        .. PolicyDirectories.FilesIn([_directory.At("usr"), _directory.At("run"), _directory.At("etc")])
            .Select(path => Path.GetRelativePath(_directory.Root, path)),
    ];

    void Refused(string name, string why)
    {
        PolicyException refused = Assert.Throws<PolicyException>(Files);
        Assert.StartsWith($"{_directory.At(name)}: {why}", refused.Message, StringComparison.Ordinal);
    }
}
