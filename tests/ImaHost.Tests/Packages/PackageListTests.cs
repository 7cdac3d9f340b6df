using System.Security.Cryptography;
using System.Text;
using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

public sealed class PackageListTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("bash", "5.2.15-2+b7", "amd64", "bash_5.2.15-2+b7_amd64")]
    [InlineData("vim", "2:9.0", "amd64", "vim_2%3a9.0_amd64")]
    [InlineData("a_b", "1", "x86_64", "a%5fb_1_x86_64")]
    [InlineData("a", "b_1", "x86_64", "a_b%5f1_x86_64")]
    [InlineData("../x", "1/2", "all", "..%2fx_1%2f2_all")]
    public void File_is_named_after_the_package(string name, string version, string architecture, string expected) =>
        Assert.Equal(expected, new PackageId("dpkg", name, version, architecture).FileName);

    [Fact]
    public void Package_of_another_root_has_a_file_of_its_own()
    {
        var package = new PackageId("dpkg", "bash", "1", "all", "/srv/my_root");
        Assert.Equal("bash_1_all@%2fsrv%2fmy%5froot", package.FileName);
        Assert.Equal(package, RoundTrip(new PackageList(package, RecordedFrom.Unpack, [])).Package);
    }

    [Fact]
    public void List_begins_with_the_facts_of_the_package()
    {
        var list = new PackageList(new PackageId("rpm", "x", "1:2-3", "noarch"), RecordedFrom.Header, [new ListedFile(Hex("c"), "/c")])
        {
            Keys = ["0a0b0c0d"],
        };
        Assert.Equal(
            $"""
            # imahost package list 1
            # manager: rpm
            # package: x
            # version: 1:2-3
            # architecture: noarch
            # recorded: header 2026-11-30T09:00:00Z
            # key: 0a0b0c0d
            {Hex("c")}  /c

            """,
            list.Format(new DateTime(2026, 11, 30, 9, 0, 0, DateTimeKind.Utc)));
    }

    [Fact]
    public void Sha256sum_checks_a_list_whatever_the_names_are()
    {
        string[] names = ["plain", "two words", "back\\slash", "new\nline", "carriage\rreturn", "ümlaut", "#hash", "\\n", "*star"];
        var files = names.Select(name => new ListedFile(
            Hex(name), ByteText.Of(_directory.Write(name, name)))).ToList();
        string list = Write(new PackageList(new PackageId("dpkg", "x", "1", "all"), RecordedFrom.Unpack, files));

        Child.Run("sha256sum", "--check", "--strict", "--quiet", list);

        Assert.Equal(files, PackageListReader.Read(list).Files);
    }

    [Fact]
    public void List_comes_out_as_it_went_in()
    {
        var list = new PackageList(
            new PackageId("dpkg", "x", "1:2", "all"), RecordedFrom.Unpack, [new ListedFile(Hex("c"), "/\xff\xfe c")])
        {
            IsLeftover = true,
            Keys = ["00000001", "00000002"],
        };
        PackageList read = RoundTrip(list);

        Assert.Equal(list.Package, read.Package);
        Assert.Equal(list.Files, read.Files);
        Assert.Equal(list.Keys, read.Keys);
        Assert.Equal(RecordedFrom.Unpack, read.From);
        Assert.True(read.IsLeftover);
    }

    [Theory]
    [InlineData("", "is no package list")]
    [InlineData("# imahost package list 2\n# manager: dpkg\n", "is no package list")]
    [InlineData("# imahost package list 1\n# manager: dpkg\n# package: x\n# version: 1\n", "is no package list")]
    [InlineData("# imahost package list 1\n# manager: dpkg\n# package: x\n# version: 1\n# architecture: a\nxyz  /a\n", ":6: ")]
    public void Damaged_list_is_refused_with_its_place(string text, string reason)
    {
        string path = _directory.Write("list", text);
        string message = Assert.Throws<PackageException>(() => PackageListReader.Read(path)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.StartsWith(path, message, StringComparison.Ordinal);
    }

    static string Hex(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    PackageList RoundTrip(PackageList list) => PackageListReader.Read(Write(list));

    string Write(PackageList list)
    {
        string path = _directory.At("list");
        File.WriteAllText(path, list.Format(DateTime.UtcNow), ByteText.Encoding);
        return path;
    }
}
