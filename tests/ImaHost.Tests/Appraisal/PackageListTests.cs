using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

public sealed class PackageListTests : IDisposable
{
    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void Package_is_told_by_the_comments()
    {
        string path = _lists.WritePackage("bash", 1, 2);
        File.WriteAllText(path, File.ReadAllText(path).Replace("# version", "# key: 0a1b2c3d\n# key: 4e5f6071\n# of no meaning\n# version", StringComparison.Ordinal));
        ReferenceSource source = Assert.Single(_lists.Open().Sources);
        Assert.Equal(Vouching.Package, source.Kind);
        Assert.Equal(new ReferencePackage("dpkg", "bash", "1.0-1", "amd64"), source.Package);
        Assert.Equal("bash 1.0-1 (amd64, dpkg)", source.Package!.ToString());
        Assert.Equal("unpack 2026-11-30T09:00:00Z", source.Recorded);
        Assert.Equal(["0a1b2c3d", "4e5f6071"], source.Keys);
        Assert.Equal(2, source.Count);
    }

    [Fact]
    public void Package_and_reference_vouch_where_they_are_asked_for()
    {
        _ = _lists.WritePackage("bash", 1);
        _ = _lists.Write("a.sha256", $"{Hex(2)}  /a\n");
        ReferenceIndex index = _lists.Open();
        Assert.Equal("bash_1.0-1_amd64.sha256:7", Find(index, 1, kinds: Vouching.Package));
        Assert.Null(Find(index, 1, kinds: Vouching.Reference));
        Assert.Equal("a.sha256:1", Find(index, 2, kinds: Vouching.Reference));
        Assert.Null(Find(index, 2, kinds: Vouching.Package));
        Assert.Null(Find(index, 2, kinds: Vouching.ImaSig));
    }

    [Fact]
    public void Package_without_files_is_no_mistake()
    {
        _ = _lists.WritePackage("empty");
        Assert.Equal("empty", Assert.Single(_lists.Open().Sources).Package!.Name);
    }

    [Fact]
    public void Other_files_beside_the_lists_are_not_read()
    {
        File.WriteAllText(Path.Combine(_lists.Settings.Packages, "a.sha256.tmp"), "?");
        File.WriteAllText(Path.Combine(_lists.Settings.Packages, "a.yaml"), "?");
        File.WriteAllText(Path.Combine(_lists.Settings.Packages, ".a.sha256"), "?");
        Assert.Empty(_lists.Open().Sources);
    }

    [Theory]
    [InlineData("# imahost package list 1\n", "# something\n", "1: \"# imahost package list 1\" is expected in the first line")]
    [InlineData("# imahost package list 1\n", "", "1: \"# imahost package list 1\" is expected in the first line")]
    [InlineData("list 1\n", "list 2\n", "1: a list of version \"2\"; 1 is known here")]
    [InlineData("# manager: dpkg\n", "", "6: \"# manager: …\" is missing before the first digest")]
    [InlineData("# version: 1.0-1\n", "# version:\n", "4: no value that can be shown for \"version\"")]
    [InlineData("# version: 1.0-1\n", "# version: \u001b[2J\n", "4: no value that can be shown for \"version\"")]
    [InlineData("# version: 1.0-1\n", "# version: 1\n# version: 2\n", "5: \"version\" is given twice")]
    public void Damaged_header_is_refused(string part, string otherwise, string why)
    {
        string path = _lists.WritePackage("bash", 1);
        _ = _lists.WritePackage("sound", 2);
        File.WriteAllText(path, File.ReadAllText(path).Replace(part, otherwise, StringComparison.Ordinal));
        ReferenceIndex index = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Equal($"{path}:{why}", Assert.Single(warnings));
        Assert.Null(Find(index, 1));
        Assert.NotNull(Find(index, 2));
    }

    [Fact]
    public void List_that_is_only_text_is_refused()
    {
        string path = _lists.WritePackage("bash");
        File.WriteAllText(path, $"{Hex(1)}  /a\n");
        _ = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Equal($"{path}:1: \"# imahost package list 1\" is expected in the first line", Assert.Single(warnings));
    }

    [Fact]
    public void Replaced_package_counts_until_its_end()
    {
        _ = _lists.WritePackage("old", 1);
        _ = _lists.WritePackage("new", 2);
        ReferenceIndex before = _lists.Open();
        File.WriteAllText(_lists.Settings.ExpiringPath, $"{Now + 9} old_1.0-1_amd64.sha256\n{Now + 5} old_1.0-1_amd64.sha256\n{Now} gone.sha256\n");
        ReferenceIndex index = _lists.Open();
        Assert.NotEqual(before.Stamp, index.Stamp);
        Assert.NotNull(Find(index, 1, now: Now + 5));
        Assert.Null(Find(index, 1, now: Now + 6));
        Assert.NotNull(Find(index, 2, now: Now + 6));
        Assert.NotNull(Find(before, 1, now: Now + 6));
    }

    [Fact]
    public void Damaged_line_about_an_end_is_told_and_the_others_count()
    {
        _ = _lists.WritePackage("old", 1);
        File.WriteAllText(_lists.Settings.ExpiringPath, $"soon old_1.0-1_amd64.sha256\n\n{Now} old_1.0-1_amd64.sha256\n5\n");
        ReferenceIndex index = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Equal([1, 4], warnings.Select(warning => int.Parse(warning.Split(':')[1], null)));
        Assert.Null(Find(index, 1, now: Now + 1));
    }

    [Fact]
    public void Every_name_on_a_damaged_line_is_over_and_so_are_numbered_lists()
    {
        _ = _lists.WritePackage("named", 1);
        _ = _lists.WritePackage("other", 2);
        WriteNumbered("x", 3);
        File.WriteAllText(_lists.Settings.ExpiringPath, "1e3 named_1.0-1_amd64.sha256\n");
        ReferenceIndex index = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Contains("is over now", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Null(Find(index, 1, now: Now));
        Assert.NotNull(Find(index, 2, now: Now));
        Assert.Null(Find(index, 3, now: Now));
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("loop")]
    public void Ends_that_cannot_be_read_are_there_for_numbered_lists(string what)
    {
        _ = _lists.WritePackage("current", 1);
        WriteNumbered("x", 2);
        Assert.NotNull(Find(_lists.Open(), 2, now: Now));
        string path = _lists.Settings.ExpiringPath;
        _ = what == "loop" ? File.CreateSymbolicLink(path, path) : Directory.CreateDirectory(path);
        ReferenceIndex index = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Contains("cannot be read", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.NotNull(Find(index, 1, now: Now));
        Assert.Null(Find(index, 2, now: Now));
    }

    void WriteNumbered(string name, byte digest)
    {
        string path = _lists.WritePackage(name, digest);
        File.Move(path, path.Replace(".sha256", "~1.sha256", StringComparison.Ordinal));
    }
}
