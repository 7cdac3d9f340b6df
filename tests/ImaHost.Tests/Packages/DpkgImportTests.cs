using System.Security.Cryptography;
using System.Text;
using ImaHost.Interop;
using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

/// <summary>A root directory with what dpkg keeps of one package, and with that package's files.</summary>
public sealed class DpkgImportTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly StringBuilder _md5Sums = new();
    readonly StringBuilder _list = new();
    string _conffiles = "";

    public DpkgImportTests()
    {
        Privileges.Require();
        Add("usr/bin/x", "program");
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void File_that_matches_its_MD5_is_recorded_by_SHA256()
    {
        Add("usr/share/two words", "text");
        ImportedPackage imported = Import();
        Assert.Equal([Listed("/usr/bin/x", "program"), Listed("/usr/share/two words", "text")], imported.List.Files);
        Assert.Equal(RecordedFrom.Import, imported.List.From);
        Assert.Empty(imported.Problems);
    }

    [Fact]
    public void Changed_file_is_told_and_not_recorded()
    {
        Add("usr/bin/y", "fine");
        _directory.Write("root/usr/bin/x", "tampered");
        AssertOnly("/usr/bin/y", FileFault.Changed, Import());
    }

    [Fact]
    public void Missing_file_is_told()
    {
        Add("usr/bin/y", "fine");
        File.Delete(At("usr/bin/x"));
        AssertOnly("/usr/bin/y", FileFault.Missing, Import());
    }

    [Fact]
    public void File_that_others_can_write_is_not_recorded()
    {
        Add("usr/bin/y", "fine");
        File.SetUnixFileMode(At("usr/bin/x"), (UnixFileMode)0b111_111_101);
        AssertOnly("/usr/bin/y", FileFault.NotRoots, Import());
    }

    [Fact]
    public void File_of_somebody_else_is_not_recorded()
    {
        Add("usr/bin/y", "fine");
        Child.Run("chown", "65534", At("usr/bin/x"));
        AssertOnly("/usr/bin/y", FileFault.NotRoots, Import());
    }

    [Fact]
    public void Link_in_the_place_of_a_file_is_not_followed()
    {
        Add("usr/bin/y", "fine");
        File.Move(At("usr/bin/x"), At("usr/bin/z"));
        _ = File.CreateSymbolicLink(At("usr/bin/x"), "z");
        AssertOnly("/usr/bin/y", FileFault.NotRegular, Import());
    }

    [Fact]
    public void Link_of_a_directory_is_looked_up_within_the_root()
    {
        // As where /bin is a link to /usr/bin.
        _ = File.CreateSymbolicLink(At("bin"), "/usr/bin");
        _md5Sums.Append($"{Md5("program")}  bin/x\n");
        Assert.Equal([Listed("/usr/bin/x", "program"), Listed("/bin/x", "program")], Import().List.Files);
    }

    [Fact]
    public void Name_that_is_no_UTF8_is_found_and_kept()
    {
        Child.Run("sh", "-c", $"printf text > \"{At("usr")}/$(printf 'n\\344')\"");
        _md5Sums.Append($"{Md5("text")}  usr/n\xe4\n");
        try
        {
            Assert.Contains(Listed("/usr/n\xe4", "text"), Import().List.Files);
        }
        finally
        {
            // The runtime cannot name it.
            Child.Run("rm", "-r", _directory.At("root"));
        }
    }

    [Fact]
    public void Configuration_is_recorded_as_shipped_and_told_when_it_was_changed()
    {
        _directory.Write("root/etc/a.conf", "as shipped");
        _directory.Write("root/etc/b.conf", "by the administrator");
        _conffiles = $"Conffiles:\n /etc/a.conf {Md5("as shipped")}\n /etc/b.conf {Md5("as shipped")}\n";
        ImportedPackage imported = Import();
        Assert.Contains(Listed("/etc/a.conf", "as shipped"), imported.List.Files);
        Assert.Equal(new FileProblem(FileFault.ChangedConffile, "/etc/b.conf"), Assert.Single(imported.Problems));
    }

    [Fact]
    public void Path_counts_once_however_often_the_database_names_it()
    {
        Add("etc/a.conf", "as shipped");
        Add("usr/bin/x", "program");
        _conffiles = $"Conffiles:\n /etc/a.conf {Md5("as shipped")}\n";
        Assert.Equal([Listed("/usr/bin/x", "program"), Listed("/etc/a.conf", "as shipped")], Import().List.Files);
    }

    [Fact]
    public void Scripts_of_the_package_are_recorded()
    {
        _directory.Write("root/var/lib/dpkg/info/x.postrm", "#!/bin/sh\n");
        Assert.Contains(Listed("/var/lib/dpkg/info/x.postrm", "#!/bin/sh\n"), Import().List.Files);
    }

    [Fact]
    public void File_without_a_digest_is_told()
    {
        _directory.Write("root/usr/lib/generated", "x");
        _list.Append("/.\n/usr\n/usr/lib\n/usr/lib/generated\n");
        Assert.Equal(new FileProblem(FileFault.NoDigest, "/usr/lib/generated"), Assert.Single(Import().Problems));
    }

    [Fact]
    public void Diverted_file_is_looked_for_where_it_went()
    {
        File.Move(At("usr/bin/x"), At("usr/bin/x.distrib"));
        _directory.Write("root/usr/bin/x", "of another package");
        _directory.Write("root/var/lib/dpkg/diversions", "/usr/bin/x\n/usr/bin/x.distrib\nother\n");
        Assert.Equal([Listed("/usr/bin/x", "program")], Import().List.Files);
    }

    [Theory]
    [InlineData(DebFile.Md5Sums, true)]
    [InlineData("", false)]
    [InlineData("ffffffffffffffffffffffffffffffff  usr/bin/sample\n", false)]
    public void Archive_that_apt_still_has_is_hashed_if_it_is_the_one_that_was_installed(string md5Sums, bool isIt)
    {
        string archive = DebFile.Build(_directory, version: "1:2");
        _ = Directory.CreateDirectory(At("var/cache/apt/archives"));
        File.Move(archive, At("var/cache/apt/archives/sample_1%3a2_all.deb"));
        _ = _md5Sums.Clear().Append(md5Sums);

        ImportedPackage imported = Import("sample", "1:2");

        Assert.Equal(isIt, imported.List.Files.Contains(Listed("/usr/bin/sample", "program 1:2")));
        Assert.Equal(!isIt && md5Sums.Length > 0, imported.Problems.Any(problem => problem.Fault == FileFault.Missing));
    }

    [Fact]
    public void Imported_package_is_not_imported_again()
    {
        var store = new PackageStore(_directory.At("state"));
        _ = Import("x", "1", store);
        using var again = new DpkgImport(_directory.At("root"));
        again.Run(store, count => Assert.Equal(0, count), _ => Assert.Fail("it has a list"));
    }

    [Fact]
    public void Damaged_md5sums_end_the_import_with_their_place()
    {
        _md5Sums.Append("rubbish\n");
        AggregateException failed = Assert.Throws<AggregateException>(() => Import());
        Assert.Contains("x.md5sums:2: ", Assert.IsType<PackageException>(failed.InnerException).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Root_that_is_not_there_is_an_error() =>
        Assert.Throws<ErrnoException>(() => new DpkgImport(_directory.At("nowhere")).Dispose());

    static string Md5(string text)
    {
        byte[] digest = new byte[16];
        using var md5 = new EvpDigest("md5");
        md5.Hash(Encoding.UTF8.GetBytes(text), digest);
        return Convert.ToHexStringLower(digest);
    }

    static ListedFile Listed(string path, string text) =>
        new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))), path);

    static void AssertOnly(string recorded, FileFault fault, ImportedPackage imported)
    {
        Assert.Equal([recorded], imported.List.Files.Select(file => file.Path));
        Assert.Equal(new FileProblem(fault, "/usr/bin/x"), Assert.Single(imported.Problems));
    }

    string At(string path) => _directory.At("root", path);

    void Add(string path, string text)
    {
        _ = _directory.Write($"root/{path}", text);
        _ = _md5Sums.Append($"{Md5(text)}  {path}\n");
        _ = _list.Append($"/{path}\n");
    }

    ImportedPackage Import(string name = "x", string version = "1", PackageStore? store = null)
    {
        File.WriteAllText(_directory.Write($"root/var/lib/dpkg/info/{name}.md5sums", ""), _md5Sums.ToString(), ByteText.Encoding);
        _ = _directory.Write($"root/var/lib/dpkg/info/{name}.list", _list.ToString());
        _ = _directory.Write(
            "root/var/lib/dpkg/status",
            $"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n{_conffiles}");
        ImportedPackage? found = null;
        using var import = new DpkgImport(_directory.At("root"));
        import.Run(store ?? new PackageStore(_directory.At("state")), _ => { }, imported => found = imported);
        return found!;
    }
}
