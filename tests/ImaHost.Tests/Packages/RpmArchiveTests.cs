using System.Security.Cryptography;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Cli;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

public sealed class RpmArchiveTests : IDisposable
{
    const string KeyId = "a1b2c3d4";
    static readonly PackageId Sample = new("rpm", "sample_x", "2:1.0-1", "noarch");
    readonly TemporaryDirectory _directory = new();
    readonly ContentHasher _hasher = new();

    public void Dispose()
    {
        _hasher.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(8, "w9.gzdio")]
    [InlineData(8, "w3.zstdio")]
    [InlineData(1, "w9.gzdio")]
    [InlineData(2, "w3.zstdio")]
    [InlineData(10, "w7.xzdio")]
    public void Archive_of_each_digest_gives_the_SHA256_of_its_files(int digests, string payload)
    {
        RpmArchive archive = RpmArchive.Read(RpmPackage.Build(_directory, digests, payload), _hasher, check: null);

        Assert.Equal(Sample, archive.List.Package);
        Assert.Equal(digests == 8 ? RecordedFrom.Header : RecordedFrom.Unpack, archive.List.From);
        Assert.Equal(
            [
                new ListedFile(Hash("setting"), "/etc/sample.conf"),
                new ListedFile(Hash("odd"), "/usr/bin/it's odd"),
                new ListedFile(Hash("program 1.0"), "/usr/bin/sample"),
            ],
            archive.List.Files.OrderBy(file => file.Path, StringComparer.Ordinal));
        Assert.Empty(archive.Refused);
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.95)]
    public void Archive_that_is_cut_short_is_refused_as_a_whole(double part)
    {
        string file = RpmPackage.Build(_directory, digests: 1);
        using (FileStream stream = File.OpenWrite(file))
        {
            stream.SetLength((long)(stream.Length * part));
        }

        PackageException refused = Assert.Throws<PackageException>(() => RpmArchive.Read(file, _hasher, check: null));
        Assert.StartsWith(file, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_with_quotes_and_newlines_are_read_as_rpm_quotes_them()
    {
        const string text = "P\tx\t1-1\tnoarch\t8\nF\tab\t33188\t(none)\t'/a'\\''b\nF\tc\t'\nF\t\t16877\t(none)\t'/d'\n";
        RpmHeader header = Assert.Single(RpmQuery.Parse(text, "/"));
        Assert.Equal(
            [new RpmFile("ab", 33188, "", "/a'b\nF\tc\t"), new RpmFile("", 16877, "", "/d")], header.Files);
    }

    [Theory]
    [InlineData("rubbish\n")]
    [InlineData("F\tab\t33188\t(none)\t'/a'\n")]
    [InlineData("P\tx\t1-1\tnoarch\t8\nF\tab\tmode\t(none)\t'/a'\n")]
    [InlineData("P\t\t1-1\tnoarch\t8\n")]
    public void Something_else_than_was_asked_for_is_refused(string text) =>
        Assert.Throws<PackageException>(() => RpmQuery.Parse(text, "/"));

    [Fact]
    public void Key_of_a_verified_signature_is_told()
    {
        RpmArchive archive = RpmArchive.OfHeader(HeaderWith(Signature(4)), Verify);
        Assert.Equal([KeyId], archive.List.Keys);
        Assert.Equal(["/signed", "/bare"], archive.List.Files.Select(file => file.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Key_that_nobody_could_verify_is_not_told_and_says_nothing_against_the_file(bool hasKeys)
    {
        FileSignatureCheck? check = hasKeys ? (in _, in _) => FileSignatureVerdict.Unknown : null;
        RpmArchive archive = RpmArchive.OfHeader(HeaderWith(Signature(4)), check);
        Assert.Empty(archive.List.Keys);
        Assert.Equal(["/signed", "/bare"], archive.List.Files.Select(file => file.Path));
    }

    [Theory]
    [InlineData("0302", "damaged")]
    [InlineData("030204a1b2c3d4000500", "damaged")]
    [InlineData("030304a1b2c3d400020102", "damaged")]
    [InlineData("0404", "damaged")]
    [InlineData("0302zz", "hexadecimal")]
    [InlineData("03020", "hexadecimal")]
    public void File_with_a_damaged_signature_is_left_out(string signature, string reason)
    {
        RpmArchive archive = RpmArchive.OfHeader(HeaderWith(signature), check: null);
        Assert.Contains(reason, Assert.Single(archive.Refused), StringComparison.Ordinal);
        Assert.Equal(["/bare"], archive.List.Files.Select(file => file.Path));
        Assert.Empty(archive.List.Keys);
    }

    [Fact]
    public void File_signed_over_another_digest_is_left_out() => Assert.Contains(
        "over a sha512 digest", Assert.Single(RpmArchive.OfHeader(HeaderWith(Signature(6)), check: null).Refused),
        StringComparison.Ordinal);

    [Fact]
    public void Signatures_are_read_from_an_archive()
    {
        string file = RpmPackage.Build(_directory);

        // In the order of the header: /etc/sample.conf, the ghost, it's odd, link, sample.
        RpmPackage.AddSignatures(file, Signature(4), "", "0302", "", Signature(4));
        RpmArchive archive = RpmArchive.Read(file, _hasher, Verify);

        Assert.Equal([KeyId], archive.List.Keys);
        Assert.Equal(["/etc/sample.conf", "/usr/bin/sample"], archive.List.Files.Select(listed => listed.Path));
        Assert.StartsWith("/usr/bin/it's odd: its signature is damaged", Assert.Single(archive.Refused), StringComparison.Ordinal);
    }

    [Fact]
    public void Keyring_has_the_last_word()
    {
        Digest asked = default;
        FileSignatureVerdict Refuse(in SecurityIma signature, in Digest signed)
        {
            asked = signed;
            return new(IsVerified: false, signature.Type == SecurityImaType.Signature ? "no such key" : null);
        }

        RpmArchive archive = RpmArchive.OfHeader(HeaderWith(Signature(4)), Refuse);

        Assert.Equal("/signed: no such key", Assert.Single(archive.Refused));
        Assert.Equal($"sha256:{Hash("signed")}", asked.ToString());
        Assert.Empty(archive.List.Keys);
    }

    [Fact]
    public void Installed_packages_are_imported_by_their_headers()
    {
        Privileges.Require();
        string root = InstallIn("root", digests: 8);
        var store = new PackageStore(_directory.At("state"));

        ImportedPackage imported = Assert.Single(Import(store, root));

        Assert.Equal(Sample with { Root = root }, imported.List.Package);
        Assert.Equal(3, imported.List.Files.Count);
        Assert.Empty(imported.Problems);
        Assert.Empty(Import(store, root));
        Assert.Equal([new InstalledPackage(Sample with { Root = root }, PackageState.Installed)], new RpmDatabase(root).Read());
    }

    [Fact]
    public void Installed_files_are_compared_where_the_header_has_other_digests()
    {
        Privileges.Require();
        string root = InstallIn("root", digests: 2);
        File.AppendAllText(Path.Combine(root, "usr/bin/sample"), "changed");

        ImportedPackage imported = Assert.Single(Import(new PackageStore(_directory.At("state")), root));

        Assert.Equal(new FileProblem(FileFault.Changed, "/usr/bin/sample"), Assert.Single(imported.Problems));
        Assert.Contains(new ListedFile(Hash("odd"), "/usr/bin/it's odd"), imported.List.Files);
    }

    [Fact]
    public void Replaced_rpm_expires()
    {
        Privileges.Require();
        string root = InstallIn("root", digests: 8);
        var store = new PackageStore(_directory.At("state"));
        _ = Import(store, root);
        var reconciler = new Reconciler(store, grace: 60);
        Assert.False(reconciler.TryReconcile(1000));
        _ = reconciler.TryReconcile(1000);

        Child.Run("rpm", "--root", root, "--nodeps", "-U", RpmPackage.Build(_directory, version: "2.0"));

        Assert.True(reconciler.TryReconcile(1001));
        Assert.Equal([PackageStore.NameOf(Sample with { Root = root })], reconciler.Last.Expiring);
    }

    [Fact]
    public void Root_without_rpm_is_refused_and_gets_no_database()
    {
        string root = Directory.CreateDirectory(_directory.At("empty")).FullName;
        Assert.Contains("no database of rpm", Assert.Throws<PackageException>(() => new RpmDatabase(root).Read()).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(root));
    }

    [Fact]
    public void Key_is_told_when_it_is_trusted_and_its_signature_good()
    {
        string key = new KeyWorkshop(_directory).MakeKey("key", KeyWorkshop.Ec);
        string trusted = KeyWorkshop.PublicOf(key);
        FileSignatureCheck check = HeaderSignatures.Check(new DaemonOptions { Keys = [trusted], Blacklist = [] });
        uint id = Assert.Single(Keyring.Load(
            [trusted], Blacklist.Load([]), TimeProvider.System, new DaemonOptions().ExpiredKeys).Keys).Id;
        string signature = Sign(key, Hash("signed"));
        string label = $"030204{id:x8}{signature.Length / 2:x4}{signature}";

        Assert.Equal([$"{id:x8}"], RpmArchive.OfHeader(HeaderWith(label), check).List.Keys);

        RpmArchive foreign = RpmArchive.OfHeader(HeaderWith(Signature(4)), check);
        Assert.Empty(foreign.List.Keys);
        Assert.Empty(foreign.Refused);

        RpmArchive forged = RpmArchive.OfHeader(HeaderWith($"030204{id:x8}000401020304"), check);
        Assert.Empty(forged.List.Keys);
        Assert.StartsWith("/signed: ", Assert.Single(forged.Refused), StringComparison.Ordinal);
    }

    [Fact]
    public void Recorded_rpm_takes_the_place_of_other_contents_when_its_header_is_the_installed_one()
    {
        Privileges.Require();
        string root = InstallIn("root", digests: 8);
        var store = new PackageStore(_directory.At("state"));
        PackageList real = Assert.Single(Import(new PackageStore(_directory.At("other")), root)).List;
        PackageList other = real with { Files = [new ListedFile(Hash("never unpacked"), "/usr/bin/sample")] };
        string list = store.Put(other);
        string second = store.Put(real);
        Assert.NotEqual(list, second);

        Assert.Equal([list], new Reconciler(store, grace: 60).Reconcile(1000).Returned);
        Assert.True(PackageListReader.Read(Path.Combine(store.Directory, list)).HasSameContents(real));

        Assert.Equal([store.Put(other)], new Reconciler(store, grace: 60).Reconcile(1001).Expiring);
    }

    static FileSignatureVerdict Verify(in SecurityIma signature, in Digest signed) => FileSignatureVerdict.Verified;

    string Sign(string key, string digest)
    {
        string input = _directory.At("digest");
        File.WriteAllBytes(input, Convert.FromHexString(digest));
        KeyWorkshop.OpenSsl("pkeyutl", "-sign", "-inkey", key, "-in", input, "-out", _directory.At("signature"));
        return Convert.ToHexStringLower(File.ReadAllBytes(_directory.At("signature")));
    }

    static List<ImportedPackage> Import(PackageStore store, string root)
    {
        var all = new List<ImportedPackage>();
        using PackageImport import = PackageImport.Of("rpm", root);
        import.Run(store, _ => { }, all.Add);
        return all;
    }

    static RpmHeader HeaderWith(string signature) => new(
        Sample, "sha256",
        [
            new RpmFile(Hash("signed"), 0x81a4, signature, "/signed"),
            new RpmFile(Hash("bare"), 0x81a4, "", "/bare"),
            new RpmFile("", 0x41ed, "", "/directory"),
        ]);

    /// <summary>In form only: version 2, an algorithm of the kernel's, a key id, four bytes.</summary>
    static string Signature(int algorithm) => $"0302{algorithm:x2}{KeyId}000401020304";

    static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    string InstallIn(string name, int digests)
    {
        string root = Directory.CreateDirectory(_directory.At(name)).FullName;
        Child.Run("rpm", "--root", root, "--nodeps", "-i", RpmPackage.Build(_directory, digests));
        return root;
    }
}
