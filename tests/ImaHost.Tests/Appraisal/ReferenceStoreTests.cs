using System.Text;
using ImaHost.Appraisal;
using ImaHost.Policy;
using ImaHost.Tests.Support;
using Xunit;
using static ImaHost.Tests.Support.ReferenceFixture;

namespace ImaHost.Tests.Appraisal;

public sealed class ReferenceStoreTests : IDisposable
{
    readonly ReferenceFixture _lists = new();

    public void Dispose() => _lists.Dispose();

    [Fact]
    public void No_list_vouches_for_nothing()
    {
        ReferenceIndex index = _lists.Open();
        Assert.Equal(0, index.Count);
        Assert.Null(Find(index, 1));
        Assert.False(ReferenceIndex.Empty.TryFind(DigestOf(1), "/a"u8, Vouching.Reference, Now, out _));
        Assert.False(index.TryFind(default, "/a"u8, Vouching.Reference, Now, out _));
    }

    [Fact]
    public void Index_that_is_up_to_date_is_not_written_again()
    {
        _ = _lists.Write("a.sha256", $"{Hex(1)}  /a\n");
        ReferenceIndex first = _lists.Open();
        FileMark written = FileMark.Of(_lists.Settings.IndexPath);
        Assert.Equal(first.Stamp, _lists.Open().Stamp);
        Assert.Empty(new ReferenceStore(_lists.Settings).Refresh());
        Assert.Equal(written, FileMark.Of(_lists.Settings.IndexPath));
    }

    [Fact]
    public void List_that_is_written_twice_at_once_is_read_twice()
    {
        for (int i = 0; i < 20; i++)
        {
            _ = _lists.Write("a.sha256", $"{Hex(i)}  /a\n");
            Assert.NotNull(Find(_lists.Open(), i));
        }
    }

    [Fact]
    public void Old_index_stays_good_when_another_takes_its_place()
    {
        string path = _lists.Write("a.sha256", $"{Hex(1)}  /a\n");
        ReferenceIndex old = _lists.Open();
        File.Delete(path);
        _ = _lists.Write("b.sha256", $"{Hex(2)}  /a\n");
        ReferenceIndex index = _lists.Open();
        Assert.NotEqual(old.Stamp, index.Stamp);
        Assert.Equal("a.sha256:1", Find(old, 1));
        Assert.Null(Find(old, 2));
        Assert.Null(Find(index, 1));
        Assert.Equal("b.sha256:1", Find(index, 2));
    }

    [Fact]
    public void Refused_list_leaves_the_others_in_force_and_is_told_of_each_time()
    {
        string path = _lists.Write("a.sha256", "?\n");
        _ = _lists.Write("b.sha256", $"{Hex(2)}  /a\n");
        for (int i = 0; i < 2; i++)
        {
            ReferenceIndex index = _lists.Open(out IReadOnlyList<string> warnings);
            Assert.StartsWith($"{path}:1: ", Assert.Single(warnings), StringComparison.Ordinal);
            Assert.NotNull(Find(index, 2));
        }

        _ = _lists.Write("a.sha256", $"{Hex(1)}  /a\n");
        Assert.NotNull(Find(_lists.Open(), 1));
    }

    [Fact]
    public void Rows_of_lists_that_have_not_changed_are_copied()
    {
        string kept = _lists.Write("a.sha256", $"{Hex(1)}  /a\n{Hex(3)}  /c\n");
        string changed = _lists.Write("b.sha256", $"{Hex(1)}  /a\n{Hex(2)}  /b\n");
        ReferenceIndex old = _lists.Open();
        List<FoundList> found = ReferenceDirectories.Find(_lists.Settings, []);
        File.Delete(kept);
        _ = _lists.Write("b.sha256", $"{Hex(4)}  /b\n");
        found[1] = Assert.Single(ReferenceDirectories.Find(_lists.Settings, []));
        ReferenceIndex index = new ReferenceIndexBuilder(_lists.Settings, old).Build(found);
        Assert.Equal(changed, found[1].File);
        Assert.Equal(3, index.Count);
        Assert.Equal("a.sha256:1", Find(index, 1));
        Assert.Equal("a.sha256:2", Find(index, 3));
        Assert.Null(Find(index, 2));
        Assert.Equal("b.sha256:1", Find(index, 4));
    }

    [Fact]
    public void List_takes_the_place_of_one_of_its_name_and_a_link_to_nothing_masks_it()
    {
        foreach ((string name, int content) in ((string, int)[])[("a.sha256", 1), ("b.sha256", 2), ("c.sha256", 3)])
        {
            File.WriteAllText(Path.Combine(_lists.Vendor, name), $"{Hex(content)}  /a\n");
        }

        _ = _lists.Write("a.sha256", $"{Hex(4)}  /a\n");
        _ = File.CreateSymbolicLink(Path.Combine(_lists.Lists, "b.sha256"), "/dev/null");
        ReferenceIndex index = _lists.Open();
        Assert.Equal([false, false, false, true, true], Enumerable.Range(0, 5).Select(content => Find(index, content) != null));
    }

    [Fact]
    public void Entry_may_be_a_file()
    {
        string path = Path.Combine(_lists.Root, "one.sums");
        File.WriteAllText(path, $"{Hex(1)}  /a\n");
        var store = new ReferenceStore(_lists.Settings with { Entries = [path, "/nowhere"] });
        Assert.Empty(store.Open());
        Assert.NotNull(Find(store.Current, 1));
        store = new ReferenceStore(_lists.Settings with { Entries = ["/dev/null", "/etc/hostname"] });
        Assert.Equal(
            "/etc/hostname: is no list by its name, which should end in .sha256, .sha384, .sha512, .sums, .yaml, .json",
            Assert.Single(store.Open(), warning => warning.StartsWith("/etc/hostname", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_is_no_file_is_refused_without_waiting_for_it()
    {
        string fifo = Path.Combine(_lists.Lists, "a.sha256");
        Child.Run("/usr/bin/mkfifo", [fifo]);
        _ = Directory.CreateDirectory(Path.Combine(_lists.Lists, "b.sha256"));
        _ = File.CreateSymbolicLink(Path.Combine(_lists.Lists, "c.sha256"), "nowhere");
        _ = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Equal(
            [" is not a regular file", " is not a regular file", " No such file or directory (ENOENT)"],
            warnings.Select(warning => warning.Split(':')[1]));
    }

    [Fact]
    public void List_needs_a_signature_when_keys_are_configured()
    {
        string key = Path.Combine(_lists.Root, "key.pem");
        OpenSsl("genpkey", "-out", key, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256");
        OpenSsl("pkey", "-in", key, "-pubout", "-out", key + ".pub");
        string path = _lists.Write("a.sha256", $"{Hex(1)}  /a\n");
        _ = _lists.WritePackage("bash", 2);
        Assert.NotNull(Find(_lists.Open(), 1));

        _lists.Keys = PolicyKeys.Load([key + ".pub"], "reference_keys");
        ReferenceIndex index = _lists.Open(out IReadOnlyList<string> warnings);
        Assert.Equal(
            $"{path}: needs a signature, for keys are configured (reference_keys): {path}.sig: No such file or directory (ENOENT)",
            Assert.Single(warnings));
        Assert.Null(Find(index, 1));
        Assert.NotNull(Find(index, 2));

        OpenSsl("dgst", "-sha384", "-sign", key, "-out", path + ".sig", path);
        Assert.NotNull(Find(_lists.Open(), 1));
        File.AppendAllText(path, $"{Hex(3)}  /b\n");
        index = _lists.Open(out warnings);
        Assert.StartsWith($"{path}: {path}.sig is not a signature of it by the key in", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Null(Find(index, 1));
        _lists.Keys = null;
        Assert.NotNull(Find(_lists.Open(), 3));
    }

    [Fact]
    public void Other_limit_has_lists_read_again()
    {
        _ = _lists.Write("a.sha256", $"{Hex(1)}  /a\n{Hex(2)}  /b\n");
        Assert.NotNull(Find(_lists.Open(), 1));
        _lists.Limit = 1;
        Assert.Null(Find(_lists.Open(out _), 1));
    }

    [Fact]
    public void Path_is_found_in_every_list_that_names_it()
    {
        _ = _lists.Write("a.sha256", $"{Hex(1)}  ./usr/bin/bash1\n{Hex(3)}  /usr/bin/bash\n");
        _ = _lists.WritePackage("bash", 1, 2);
        ReferenceIndex index = _lists.Open();
        List<ListedRow> rows = index.FindPath("/usr/bin/bash1"u8);
        Assert.Equal(["a.sha256:1", "bash_1.0-1_amd64.sha256:7"], rows.Select(row => $"{Path.GetFileName(index[row.Hit.Source].File)}:{row.Hit.Line}"));
        Assert.All(rows, row => Assert.Equal(DigestOf(1).ToString(), row.Digest.ToString()));
        Assert.Equal(2, index.FindAll(DigestOf(1), isVerity: false).Count);
        Assert.Empty(index.FindAll(DigestOf(1), isVerity: true));
        Assert.Empty(index.FindPath("/usr/bin/none"u8));
    }

    [Fact]
    public void Looking_up_allocates_nothing()
    {
        _ = _lists.Write("a.yaml", $"version: 1\npaths: [/usr/**]\ndigests: [{{sha256: {Hex(1)}, path: /usr/a}}, {{sha256: {Hex(2)}, path: '/usr/*'}}]\n");
        ReferenceIndex index = _lists.Open();
        long found = 0;
        void Look()
        {
            for (int i = 0; i < 3; i++)
            {
                found += index.TryFind(DigestOf(i), "/usr/a"u8, Vouching.Reference, Now, out _) ? 1 : 0;
            }
        }

        Look();
        Assert.Equal(2, found);
        ImaHost.Crypto.Digest[] digests = [.. Enumerable.Range(0, 3).Select(DigestOf)];
        byte[] path = Encoding.UTF8.GetBytes("/usr/a");
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 3000; i++)
        {
            found += index.TryFind(in digests[i % 3], path, Vouching.Reference, Now, out _) ? 1 : 0;
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(2002, found);
    }

    [Fact]
    public void Many_lists_of_many_digests_are_merged()
    {
        const int lists = 200;
        const int each = 50;
        for (int i = 0; i < lists; i++)
        {
            _ = _lists.WritePackage($"p{i}", [.. Enumerable.Range(i * each / 2, each)]);
        }

        ReferenceIndex index = _lists.Open();
        Assert.Equal(lists * each, index.Count);
        for (int content = 0; content < (lists + 1) * each / 2; content++)
        {
            Assert.NotNull(Find(index, content));
            Assert.InRange(index.FindAll(DigestOf(content), isVerity: false).Count, 1, 2);
        }

        Assert.Null(Find(index, (lists + 1) * each / 2));
    }

    static void OpenSsl(params string[] arguments) =>
        Child.Run("/bin/sh", ["-c", "exec timeout -s KILL 30 openssl \"$@\" 2>&-", "openssl", .. arguments]);
}
