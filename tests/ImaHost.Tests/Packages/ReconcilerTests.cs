using System.Security.Cryptography;
using System.Text;
using ImaHost.Packages;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Packages;

/// <summary>Lists follow the database, on a clock of the test.</summary>
public sealed class ReconcilerTests : IDisposable
{
    const int Grace = 60;
    readonly TemporaryDirectory _directory = new();
    readonly PackageStore _store;
    readonly Reconciler _reconciler;

    public ReconcilerTests()
    {
        _store = new PackageStore(_directory.At("state"));
        _reconciler = new Reconciler(_store, Grace);
        WriteStatus("base 1 installed");
        _ = Put("base", "1");
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Upgraded_version_vouches_for_the_grace_and_is_then_deleted()
    {
        string old = Put("x", "1");
        string fresh = Put("x", "2");
        WriteStatus("base 1 installed", "x 1 installed");
        Install(fresh, "x 2 installed");

        Assert.True(_reconciler.TryReconcile(1000));
        Assert.Equal([old], _reconciler.Last.Expiring);
        Assert.Equal($"{1000 + Grace} {old}\n", File.ReadAllText(At("expiring")));
        Assert.False(_reconciler.TryReconcile(1000 + Grace - 1) && _reconciler.Last.Deleted.Count > 0);
        Assert.True(File.Exists(At(old)));

        Assert.True(_reconciler.TryReconcile(1000 + Grace));
        Assert.Equal([old], _reconciler.Last.Deleted);
        Assert.False(File.Exists(At(old)));
        Assert.Equal("", File.ReadAllText(At("expiring")));
        Assert.True(File.Exists(At(fresh)));
    }

    [Fact]
    public void Expiry_is_not_put_off_by_looking_again()
    {
        string old = Put("x", "1");
        _ = _reconciler.Reconcile(1000);
        _ = _reconciler.Reconcile(1030);
        _ = new Reconciler(_store, Grace).Reconcile(1040);
        Assert.Equal($"{1000 + Grace} {old}\n", File.ReadAllText(At("expiring")));
    }

    [Fact]
    public void Version_that_comes_back_stays()
    {
        string old = Put("x", "1");
        _ = _reconciler.Reconcile(1000);
        WriteStatus("base 1 installed", "x 1 installed");

        Reconciliation result = _reconciler.Reconcile(1010);

        Assert.Equal([old], result.Returned);
        Assert.Equal("", File.ReadAllText(At("expiring")));
        _ = _reconciler.Reconcile(100_000);
        Assert.True(File.Exists(At(old)));
    }

    [Fact]
    public void Removed_package_keeps_the_scripts_that_purge_it()
    {
        string whole = Put("x", "1", "/usr/bin/x", "/var/lib/dpkg/info/x.postrm");
        WriteStatus("base 1 installed", "x 1 config-files");

        Assert.Equal([whole], _reconciler.Reconcile(1000).Expiring);
        _ = _reconciler.Reconcile(1000 + Grace);
        _ = _reconciler.Reconcile(100_000);

        string leftover = $"{Id("x", "1").FileName}~config.sha256";
        Assert.False(File.Exists(At(whole)));
        PackageList kept = PackageListReader.Read(At(leftover));
        Assert.Equal(["/var/lib/dpkg/info/x.postrm"], kept.Files.Select(file => file.Path));

        WriteStatus("base 1 installed");
        Assert.Equal([leftover], _reconciler.Reconcile(100_001).Expiring);
    }

    [Fact]
    public void Removed_package_without_scripts_leaves_nothing()
    {
        _ = Put("x", "1", "/usr/bin/x");
        WriteStatus("base 1 installed", "x 1 config-files");
        _ = _reconciler.Reconcile(1000);
        _ = _reconciler.Reconcile(1000 + Grace);
        Assert.Equal([PackageStore.NameOf(Id("base", "1"))], _store.ReadLists().Select(list => list.File));
    }

    [Fact]
    public void Recorded_version_vouches_while_its_installer_lives_and_not_after()
    {
        string list = Put("x", "2");
        using (Child installer = Child.Sleep())
        {
            Await(list, ProcessIdentity.Of(installer.Pid)!.Value);
            Assert.False(_reconciler.TryReconcile(1000));
            Assert.False(_reconciler.TryReconcile(500_000));
        }

        Assert.True(_reconciler.TryReconcile(500_001));
        Assert.Equal([list], _reconciler.Last.Expiring);
        Assert.Equal("", File.ReadAllText(At("pending")));
    }

    [Fact]
    public void Installer_that_is_done_is_waited_for_no_more()
    {
        string list = Put("x", "2");
        ProcessIdentity self = ProcessIdentity.Of(Environment.ProcessId)!.Value;
        Await(list, self);
        Assert.Empty(_reconciler.Reconcile(1000).Expiring);
        Assert.Equal([list], _reconciler.Reconcile(1000, done: self).Expiring);
    }

    [Fact]
    public void Process_that_got_the_number_later_installs_nothing()
    {
        string list = Put("x", "2");
        Await(list, new ProcessIdentity(Environment.ProcessId, 1));
        Assert.Equal([list], _reconciler.Reconcile(1000).Expiring);
    }

    [Fact]
    public void Interrupted_package_has_files_of_both_versions_and_both_vouch()
    {
        string old = Put("x", "1");
        string fresh = Put("x", "2");
        WriteStatus("base 1 installed", "x 1 half-installed");
        Await(fresh, new ProcessIdentity(int.MaxValue, 1));

        Assert.Empty(_reconciler.Reconcile(1000).Expiring);
        WriteStatus("base 1 installed", "x 2 installed");
        Assert.Equal([old], _reconciler.Reconcile(1001).Expiring);
        _ = _reconciler.Reconcile(1001 + Grace);
        Assert.True(File.Exists(At(fresh)));
    }

    [Fact]
    public void Nothing_is_read_when_nothing_changed()
    {
        _ = Put("x", "1");
        _ = _reconciler.TryReconcile(1000);
        _ = _reconciler.TryReconcile(1000);
        Assert.False(_reconciler.TryReconcile(1001));
        Reconciliation last = _reconciler.Last;
        Assert.False(_reconciler.TryReconcile(1002));
        Assert.Same(last, _reconciler.Last);

        WriteStatus("base 1 installed", "x 1 installed");
        Assert.True(_reconciler.TryReconcile(1003));
    }

    [Theory]
    [InlineData("")]
    [InlineData("rubbish\n")]
    public void Database_that_cannot_be_read_lets_nothing_expire(string status)
    {
        _ = Put("x", "1");
        _ = _directory.Write("root/var/lib/dpkg/status", status);
        Reconciliation result = _reconciler.Reconcile(1000);
        Assert.Contains("all stay as they were", Assert.Single(result.Problems), StringComparison.Ordinal);
        Assert.Empty(result.Expiring);
    }

    [Fact]
    public void Other_contents_of_the_same_version_do_not_take_away_what_is_installed()
    {
        string list = Put("x", "1", "/usr/bin/x");
        WriteStatus("base 1 installed", "x 1 installed");
        string before = File.ReadAllText(At(list));
        string again = PutOther("of another build", "script");
        ProcessIdentity self = ProcessIdentity.Of(Environment.ProcessId)!.Value;
        Await(again, self);

        Assert.Equal($"{Id("x", "1").FileName}~1.sha256", again);
        Assert.Empty(_reconciler.Reconcile(1000).Expiring);
        Assert.Equal([again], _reconciler.Reconcile(1001, done: self).Expiring);
        _ = _reconciler.Reconcile(1001 + Grace);
        Assert.False(File.Exists(At(again)));
        Assert.Equal(before, File.ReadAllText(At(list)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Other_contents_of_the_same_version_take_the_place_when_it_is_them_that_dpkg_has_unpacked(bool isAwaited)
    {
        string list = Put("x", "1", "/usr/bin/x");
        WriteStatus("base 1 installed", "x 1 installed");
        string again = PutOther("of another build", "script");
        ProcessIdentity self = ProcessIdentity.Of(Environment.ProcessId)!.Value;
        if (isAwaited)
        {
            Await(again, self);
        }

        WriteInfo("md5sums", "of another build");
        WriteInfo("postinst", "script");
        Reconciliation result = _reconciler.Reconcile(1000, done: self);

        Assert.Equal([list], result.Returned);
        Assert.True(result.HasChanges);
        Assert.False(File.Exists(At(again)));
        Assert.Empty(_store.ReadState().Pending);
        Assert.Empty(_store.ReadState().Expiring);
        _ = _reconciler.Reconcile(100_000);
        Assert.Equal(new string('b', 64), PackageListReader.Read(At(list)).HashOf("/usr/bin/x"));
    }

    [Theory]
    [InlineData("of another build", "changed script")]
    [InlineData("of another build", null)]
    [InlineData("of this build", "script")]
    [InlineData(null, "script")]
    public void Other_contents_expire_when_a_digest_of_what_is_installed_differs(string? md5Sums, string? script)
    {
        _ = Put("x", "1", "/usr/bin/x");
        WriteStatus("base 1 installed", "x 1 installed");
        string again = PutOther("of another build", "script");
        WriteInfo("md5sums", md5Sums);
        WriteInfo("postinst", script);
        Assert.Equal([again], _reconciler.Reconcile(1000).Expiring);
    }

    [Fact]
    public void Same_contents_again_stay_one_list()
    {
        string list = Put("x", "1", "/usr/bin/x");
        Assert.Equal(list, _store.Put(PackageListReader.Read(At(list))));
        string again = PutOther("of another build", "script");
        Assert.Equal(again, PutOther("of another build", "script"));
        Assert.NotEqual(again, PutOther("of a third build", "other script"));
    }

    [Theory]
    [InlineData("expiring", "soon x.sha256\n", "expiring:1: ")]
    [InlineData("expiring", "12\n", "expiring:1: ")]
    [InlineData("pending", "1 x.sha256\n", "pending:1: ")]
    public void Damaged_state_is_refused_with_its_place(string file, string text, string place)
    {
        File.WriteAllText(At(file), text);
        Assert.Contains(
            place, Assert.Throws<PackageException>(() => _reconciler.Reconcile(1000)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lock_is_for_one_at_a_time()
    {
        using IDisposable held = _store.Lock();
        var other = new Thread(() => new Reconciler(_store, Grace).Reconcile(1000)) { IsBackground = true };
        other.Start();
        Assert.False(other.Join(200));
        held.Dispose();
        Assert.True(other.Join(5000));
    }

    [Fact]
    public void Foreign_files_are_left_alone()
    {
        File.WriteAllText(At("own.sha256"), $"{new string('a', 64)}  /own\n");
        _ = _reconciler.Reconcile(1000);
        _ = _reconciler.Reconcile(100_000);
        Assert.True(File.Exists(At("own.sha256")));
    }

    PackageId Id(string name, string version) => new("dpkg", name, version, "all", _directory.At("root"));

    string At(string name) => Path.Combine(_store.Directory, name);

    string Put(string name, string version, params string[] paths)
    {
        var list = new PackageList(
            Id(name, version), RecordedFrom.Unpack, [.. paths.Select(path => new ListedFile(new string('a', 64), path))]);
        return _store.Put(list);
    }

    /// <summary>Another build of x 1, which brings a program and a script.</summary>
    string PutOther(string md5Sums, string script) => _store.Put(new PackageList(
        Id("x", "1"), RecordedFrom.Unpack,
        [new ListedFile(Hash(script), "/var/lib/dpkg/info/x.postinst"), new ListedFile(new string('b', 64), "/usr/bin/x")])
    {
        Md5Sums = Hash(md5Sums),
    });

    void WriteInfo(string kind, string? text)
    {
        if (text != null)
        {
            _ = _directory.Write($"root/var/lib/dpkg/info/x.{kind}", text);
        }
    }

    static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    void Await(string list, ProcessIdentity process)
    {
        StoreState state = _store.ReadState();
        state.Await(list, process);
        _store.WriteState(state);
    }

    void Install(string list, params string[] packages)
    {
        Await(list, ProcessIdentity.Of(Environment.ProcessId)!.Value);
        WriteStatus(["base 1 installed", .. packages]);
    }

    /// <param name="packages">"NAME VERSION STATE".</param>
    void WriteStatus(params string[] packages) => _directory.Write(
        "root/var/lib/dpkg/status",
        string.Join('\n', packages.Select(package => package.Split(' ')).Select(words =>
            $"Package: {words[0]}\nStatus: install ok {words[2]}\nVersion: {words[1]}\nArchitecture: all\n")));
}
