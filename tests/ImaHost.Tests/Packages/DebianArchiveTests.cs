using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

public sealed class DebianArchiveTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly ContentHasher _hasher = new();

    public void Dispose()
    {
        _hasher.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("xz")]
    [InlineData("zstd")]
    [InlineData("none")]
    public void Archive_of_each_compression_gives_its_files_and_scripts(string compression)
    {
        DebianArchive archive = Read(DebFile.Build(_directory, compression));

        Assert.Equal(new PackageId("dpkg", "sample", "1:1.0-1", "all"), archive.List.Package);
        Assert.Equal(
            [
                new ListedFile(Hash("#!/bin/sh\n# 1:1.0-1\n"), "/var/lib/dpkg/info/sample.preinst"),
                new ListedFile(Hash("setting"), "/etc/sample.conf"),
                new ListedFile(Hash("program 1:1.0-1"), "/usr/bin/sample"),
            ],
            archive.List.Files.OrderBy(file => !file.Path.StartsWith("/var", StringComparison.Ordinal)).ThenBy(file => file.Path));
        Assert.Empty(archive.Refused);
    }

    [Theory]
    [InlineData("all")]
    [InlineData("several")]
    public void Archive_that_dpkg_has_unpacked_is_told_from_another_build(string kind)
    {
        Privileges.Require();
        string native = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64";
        string file = DebFile.Build(_directory, architecture: kind == "all" ? kind : native);
        string root = _directory.At("root");
        _ = _directory.Write("root/var/lib/dpkg/status", "");
        _ = Directory.CreateDirectory(_directory.At("root", "var", "lib", "dpkg", "info"));
        _ = Directory.CreateDirectory(_directory.At("root", "var", "lib", "dpkg", "updates"));
        PackageList list = DebianArchive.Read(file, _hasher, root, RecordedFrom.Unpack).List;
        var database = new DpkgDatabase(root);
        Assert.False(database.HasInstalled(list));

        Child.Run("dpkg", $"--root={root}", "--force-script-chrootless", "--force-bad-path", "--unpack", file);

        Assert.True(database.HasInstalled(list));
        Assert.False(database.HasInstalled(list with { Md5Sums = Hash("other") }));
        Assert.False(database.HasInstalled(list with { Md5Sums = null }));
        Assert.False(database.HasInstalled(list with { Files = [.. list.Files.Skip(1)] }));
    }

    [Fact]
    public void Script_of_a_package_of_several_architectures_is_named_after_one()
    {
        DebianArchive archive = Read(DebFile.Build(_directory, architecture: "amd64"));
        Assert.Contains(archive.List.Files, file => file.Path == "/var/lib/dpkg/info/sample:amd64.preinst");
    }

    [Fact]
    public void Only_contents_of_regular_files_are_recorded()
    {
        string file = DebFile.Craft(_directory, tar =>
        {
            DebFile.Add(tar, "./usr/bin/real", "real");
            tar.WriteEntry(new GnuTarEntry(TarEntryType.HardLink, "./usr/bin/hard") { LinkName = "./usr/bin/real" });
            tar.WriteEntry(new GnuTarEntry(TarEntryType.SymbolicLink, "./usr/bin/soft") { LinkName = "/etc/shadow" });
            tar.WriteEntry(new GnuTarEntry(TarEntryType.CharacterDevice, "./dev/mem") { DeviceMajor = 1, DeviceMinor = 1 });
            tar.WriteEntry(new GnuTarEntry(TarEntryType.Fifo, "./run/fifo"));
            tar.WriteEntry(new GnuTarEntry(TarEntryType.Directory, "./usr/lib/"));
            DebFile.Add(tar, "./usr/bin/empty", "");
        });

        Assert.Equal(
            [new ListedFile(Hash("real"), "/usr/bin/real"), new ListedFile(Hash(""), "/usr/bin/empty")],
            Read(file).List.Files);
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("./usr/../../etc/passwd")]
    [InlineData("/../x")]
    public void Name_that_leads_upwards_is_left_out_and_told(string name)
    {
        string file = DebFile.Craft(_directory, tar =>
        {
            DebFile.Add(tar, name, "evil");
            DebFile.Add(tar, "./ok", "ok");
        });
        DebianArchive archive = Read(file);

        Assert.Equal([name], archive.Refused);
        Assert.Equal([new ListedFile(Hash("ok"), "/ok")], archive.List.Files);
    }

    [Theory]
    [InlineData(TarEntryFormat.Gnu, "new\nline")]
    [InlineData(TarEntryFormat.Pax, "=12 x=y")]
    public void Long_and_odd_names_are_kept(TarEntryFormat format, string odd)
    {
        string[] names = [$"usr/share/{string.Join('/', Enumerable.Repeat(new string('d', 90), 5))}/file", "a b'c", odd, "ä\\ö"];
        string file = DebFile.Craft(_directory, tar => Array.ForEach(names, name => DebFile.Add(tar, $"./{name}", name)), format);

        Assert.Equal(
            names.Select(name => new ListedFile(Hash(name), ByteText.Of($"/{name}"))), Read(file).List.Files);
    }

    [Fact]
    public void Last_of_two_members_of_one_name_is_what_counts()
    {
        string file = DebFile.Craft(_directory, tar =>
        {
            DebFile.Add(tar, "./x", "first");
            DebFile.Add(tar, "./y", "y");
            DebFile.Add(tar, "x", "last");
        });
        Assert.Equal([new ListedFile(Hash("last"), "/x"), new ListedFile(Hash("y"), "/y")], Read(file).List.Files);
    }

    [Fact]
    public void Hundred_thousand_members_are_read()
    {
        const int count = 100_000;
        string file = DebFile.Craft(_directory, tar =>
        {
            for (int i = 0; i < count; i++)
            {
                DebFile.Add(tar, $"./f{i}", BitConverter.GetBytes(i));
            }
        });
        IReadOnlyList<ListedFile> files = Read(file).List.Files;

        Assert.Equal(count, files.Count);
        Assert.Equal(
            Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(count - 1))), files[count - 1].Sha256);
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.7)]
    [InlineData(0.97)]
    public void Archive_that_is_cut_short_is_refused_as_a_whole(double part)
    {
        string file = DebFile.Build(_directory, "xz");
        using (FileStream stream = File.OpenWrite(file))
        {
            stream.SetLength((long)(stream.Length * part));
        }

        PackageException refused = Assert.Throws<PackageException>(() => Read(file));
        Assert.StartsWith($"{file}: dpkg-deb: ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tar_that_ends_within_a_member_is_refused()
    {
        using var data = new MemoryStream();
        using (var tar = new TarWriter(data, TarEntryFormat.Gnu, leaveOpen: true))
        {
            DebFile.Add(tar, "./usr/bin/big", new byte[10_000]);
        }

        using var control = new MemoryStream();
        using (var tar = new TarWriter(control, TarEntryFormat.Gnu, leaveOpen: true))
        {
            DebFile.Add(tar, "./control", "Package: sample\nVersion: 1\nArchitecture: all\n");
        }

        string file = DebFile.Pack(_directory, control.ToArray(), data.ToArray()[..4096]);
        Assert.Throws<PackageException>(() => Read(file));
    }

    [Theory]
    [InlineData("Package: sample\nVersion: 1\n", "architecture")]
    [InlineData("Package: a b\nVersion: 1\nArchitecture: all\n", "name")]
    [InlineData("no field\n", "control:1: this is no field")]
    [InlineData("", "no control file")]
    public void Control_file_that_names_no_package_is_refused(string control, string reason)
    {
        using var tarred = new MemoryStream();
        using (var tar = new TarWriter(tarred, TarEntryFormat.Gnu, leaveOpen: true))
        {
            DebFile.Add(tar, "./control", control);
        }

        PackageException refused =
            Assert.Throws<PackageException>(() => Read(DebFile.Pack(_directory, tarred.ToArray(), new byte[1024])));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Something_else_than_an_archive_is_refused_with_its_path_and_reason()
    {
        string file = _directory.Write("x.deb", "this is text");
        Assert.Matches("x.deb: dpkg-deb: .*archive", Assert.Throws<PackageException>(() => Read(file)).Message);
        Assert.Throws<PackageException>(() => Read(_directory.At("missing.deb")));
    }

    static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    DebianArchive Read(string file) => DebianArchive.Read(file, _hasher, "/", RecordedFrom.Unpack);
}
