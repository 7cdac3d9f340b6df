using System.Text;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using ImaHost.Trees;
using Xunit;

namespace ImaHost.Tests.Trees;

public sealed class TreeWalkerTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly TreeProblems _problems = new();

    public void Dispose()
    {
        // Deeper than a path reaches, if a test made it so.
        Child.Run("/bin/rm", "-rf", _directory.At("tree"));
        _directory.Dispose();
    }

    [Fact]
    public void Walker_finds_each_of_ten_thousand_files_once()
    {
        const int count = 10_000;
        OddNames.Make(
            _directory.Root, $"os.makedirs('tree/below')\nfor i in range({count}): open(f'tree/{{\"below/\" if i % 3 else \"\"}}{{i}}', 'w')");

        string[] found = Walk("tree");

        Assert.Equal(count, found.Length);
        Assert.Equal(count, found.Distinct().Count());
        Assert.Contains(_directory.At("tree", "0"), found);
        Assert.Contains(_directory.At("tree", "below", "1"), found);
    }

    [Fact]
    public void Walker_takes_names_of_any_bytes()
    {
        OddNames.Make(_directory.Root, @"os.mkdir(b'tree'); [open(b'tree/' + n, 'w') for n in (b'a\nb', b'\xff\xfe', b' ', b'-x')]");

        string[] found = Walk("tree");

        string[] names = [@"a\x0ab", @"\xff\xfe", " ", "-x"];
        Assert.Equal(names.Select(name => _directory.At("tree", name)).Order(), found.Order());
    }

    [Fact]
    public void Walker_reaches_deeper_than_any_path()
    {
        OddNames.Make(
            _directory.Root,
            "os.mkdir('tree'); os.chdir('tree')\nfor i in range(100): os.mkdir('d' * 200); os.chdir('d' * 200)\nopen('deepest', 'w')");
        FileStat seen = default;

        int files = 0;
        foreach (TreeFile file in new TreeWalker([_directory.At("tree")], _problems).Files())
        {
            files++;
            using FileLook look = file.Look();
            Assert.Equal(0, look.Error);
            seen = look.Stat;
            Assert.True(file.Path.Length > 20_000);
            file.Release();
        }

        Assert.Equal(1, files);
        Assert.True(seen.IsRegular);
        Assert.Equal(0, _problems.Count);
    }

    [Fact]
    public void Walker_follows_no_links_but_one_that_was_named_and_counts_what_is_not_regular()
    {
        _ = _directory.Write("elsewhere/file", "");
        _ = _directory.Write("tree/file", "");
        _ = File.CreateSymbolicLink(_directory.At("tree", "link"), _directory.At("elsewhere", "file"));
        _ = File.CreateSymbolicLink(_directory.At("tree", "below"), _directory.At("elsewhere"));
        _ = File.CreateSymbolicLink(_directory.At("tree", "nowhere"), "missing");
        _ = File.CreateSymbolicLink(_directory.At("top"), "tree");
        Child.Run("/usr/bin/mkfifo", _directory.At("tree", "fifo"));
        var walker = new TreeWalker([_directory.At("top")], _problems);

        string[] found = Texts(walker);

        Assert.Equal([_directory.At("top", "file")], found);
        Assert.Equal(1, walker.Others);
        Assert.Equal(0, _problems.Count);
    }

    [Fact]
    public void Walker_tells_of_a_path_that_is_not_there_and_goes_on()
    {
        _ = _directory.Write("tree/file", "");

        string[] found = Texts(new TreeWalker([_directory.At("missing"), _directory.At("tree/")], _problems));

        Assert.Equal([_directory.At("tree", "file")], found);
        ProblemGroup group = Assert.Single(_problems.Groups);
        Assert.Equal(("No such file or directory (ENOENT)", 1), (group.Cause, group.Count));
        Assert.Equal([_directory.At("missing")], group.Examples);
    }

    [Fact]
    public void Walker_closes_its_directories_when_nobody_wants_more()
    {
        OddNames.Make(_directory.Root, "os.makedirs('tree/a/b/c'); open('tree/a/b/c/1', 'w'); open('tree/a/b/c/2', 'w')");
        using IEnumerator<TreeFile> files = new TreeWalker([_directory.At("tree")], _problems).Files().GetEnumerator();
        Assert.True(files.MoveNext());
        Assert.NotEqual(0, CountOpen());

        files.Current.Release();
        files.Dispose();

        Assert.Equal(0, CountOpen());
    }

    int CountOpen() => Directory.GetFileSystemEntries("/proc/self/fd").Count(
        link => new FileInfo(link).LinkTarget?.StartsWith(_directory.Root, StringComparison.Ordinal) == true);

    string[] Walk(string name) => Texts(new TreeWalker([_directory.At(name)], _problems));

    static string[] Texts(TreeWalker walker)
    {
        var texts = new List<string>();
        foreach (TreeFile file in walker.Files())
        {
            texts.Add(file.Text);
            Assert.Equal(0, Encoding.UTF8.GetString(file.Path).Count(one => one == '\0'));
            file.Release();
        }

        return [.. texts];
    }
}
