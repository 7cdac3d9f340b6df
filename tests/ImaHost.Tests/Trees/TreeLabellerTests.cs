using System.Security.Cryptography;
using ImaHost.Interop;
using ImaHost.Tests.Support;
using ImaHost.Trees;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Trees;

public sealed class TreeLabellerTests : IDisposable
{
    static readonly LabelSettings ByHash = LabelSettings.ByHash(HashAlgorithm.Sha256);

    readonly TemporaryDirectory _directory = new();
    readonly TreeProblems _problems = new();

    public TreeLabellerTests() => Privileges.Require();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Labels_are_the_hashes_of_the_files_and_are_written_once()
    {
        string path = _directory.Write("tree/file", "content");
        _ = _directory.Write("tree/empty", "");

        LabelCounts first = Label(ByHash);
        FileStat labelled = Stat(path);
        LabelCounts second = Label(ByHash);

        Assert.Equal((2, 0), (first.Labelled, first.Unchanged));
        Assert.Equal((0, 2), (second.Labelled, second.Unchanged));
        Assert.Equal((byte[])[4, 4, .. SHA256.HashData("content"u8)], LabelOf(path));
        Assert.Equal(labelled.Changed, Stat(path).Changed);
        Assert.Equal(0, _problems.Count);
    }

    [Fact]
    public void Directory_that_others_may_write_is_labelled_as_any_other()
    {
        string path = _directory.Write("tree/file", "content");
        Child.Run("/usr/bin/mkfifo", _directory.At("tree", "fifo"));
        File.SetUnixFileMode(_directory.At("tree"), (UnixFileMode)0x1ff);

        LabelCounts counts = Label(ByHash);

        Assert.Equal((1, 1), (counts.Labelled, counts.Others));
        Assert.Equal((byte[])[4, 4, .. SHA256.HashData("content"u8)], LabelOf(path));
    }

    [Fact]
    public void Look_opens_what_it_saw_though_something_else_took_its_place()
    {
        string path = _directory.Write("seen", "seen");
        using FileLook look = FileLook.At([.. System.Text.Encoding.UTF8.GetBytes(path), 0]);
        File.Move(path, _directory.At("elsewhere"));
        Child.Run("/usr/bin/mkfifo", path);

        using HeldFile? open = look.TryOpen(out int error);

        byte[] content = new byte[10];
        Assert.Equal(0, error);
        Assert.Equal("seen"u8, content.AsSpan(0, open!.ReadAt(content, 0)));
    }

    [Fact]
    public void Label_is_what_the_maker_makes_of_the_digest()
    {
        string path = _directory.Write("tree/file", "content");
        var settings = new LabelSettings(HashAlgorithm.Sha512, (in digest, into) =>
        {
            into[0] = 3;
            digest.Bytes.CopyTo(into[1..]);
            return 1 + digest.Bytes.Length;
        });

        Assert.Equal(1, Label(settings).Labelled);
        Assert.Equal((byte[])[3, .. SHA512.HashData("content"u8)], LabelOf(path));
    }

    [Fact]
    public void Dry_run_tells_what_would_be_labelled_and_writes_nothing()
    {
        string path = _directory.Write("tree/file", "content");
        var told = new List<string>();

        LabelCounts counts = Label(ByHash with { DryRun = told.Add });

        Assert.Equal(1, counts.Labelled);
        Assert.Equal([path], told);
        Assert.Empty(LabelOf(path));
    }

    [Fact]
    public void Only_programs_are_labelled_when_that_is_asked_for()
    {
        string script = _directory.Write("tree/script", "#!/bin/sh\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        string text = _directory.Write("tree/text", "words");
        string library = _directory.At("tree", "library");
        File.Copy("/bin/true", library);
        File.SetUnixFileMode(library, UnixFileMode.UserRead);

        LabelCounts counts = Label(ByHash with { OnlyPrograms = true });

        Assert.Equal((2, 1), (counts.Labelled, counts.LeftOut));
        Assert.Empty(LabelOf(text));
        Assert.NotEmpty(LabelOf(library));
        Assert.NotEmpty(LabelOf(script));
    }

    [Fact]
    public void Files_that_the_journal_knows_are_not_read_and_changed_ones_are()
    {
        string same = _directory.Write("tree/same", "same");
        string changed = _directory.Write("tree/changed", "before");
        string relabelled = _directory.Write("tree/relabelled", "relabelled");
        Assert.Equal(3, LabelWithJournal(resume: false).Labelled);
        Thread.Sleep(20);
        File.WriteAllText(changed, "after");
        Child.Run("/usr/bin/setfattr", "-n", "security.ima", "-v", "0x0411", relabelled);

        LabelCounts counts = LabelWithJournal(resume: true);
        LabelCounts again = LabelWithJournal(resume: true);

        Assert.Equal((2, 1, 0), (counts.Labelled, counts.Known, counts.Unchanged));
        Assert.Equal((0, 3, 0), (again.Labelled, again.Known, again.Bytes));
        Assert.Equal((byte[])[4, 4, .. SHA256.HashData("after"u8)], LabelOf(changed));
        Assert.Equal((byte[])[4, 4, .. SHA256.HashData("relabelled"u8)], LabelOf(relabelled));
        Assert.Equal((byte[])[4, 4, .. SHA256.HashData("same"u8)], LabelOf(same));
    }

    [Fact]
    public void Journal_within_the_tree_is_not_labelled()
    {
        _ = _directory.Write("tree/file", "content");
        using var journal = LabelJournal.Open(_directory.At("tree", "journal"), "sha256", resume: false);

        Assert.Equal(1, Label(ByHash with { Journal = journal }).Labelled);
        Assert.Equal(0, _problems.Count);
        Assert.Empty(LabelOf(_directory.At("tree", "journal")));
    }

    [Fact]
    public void File_that_is_written_all_the_time_gets_no_label()
    {
        string path = _directory.Write("tree/file", "");
        using (FileStream large = File.OpenWrite(path))
        {
            large.SetLength(64 << 20);
        }

        using var ended = new CancellationTokenSource();
        var writing = new Thread(() => Write(path, ended.Token));
        writing.Start();
        Thread.Sleep(50);
        LabelCounts counts = Label(ByHash);
        ended.Cancel();
        writing.Join();

        Assert.Equal(0, counts.Labelled);
        Assert.Equal(FileProblem.Changing, Assert.Single(_problems.Groups).Cause);
        Assert.Empty(LabelOf(path));
    }

    [Fact]
    public void Large_file_is_not_hashed_on_when_it_is_time_to_stop()
    {
        string path = _directory.Write("tree/file", "");
        using (FileStream large = File.OpenWrite(path))
        {
            large.SetLength(1L << 40);
        }

        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var labeller = new TreeLabeller(ByHash, new TreeWalker([_directory.At("tree")], _problems), _problems);
        labeller.Run(2, stop.Token);

        Assert.Equal(0, labeller.Counts.Labelled);
        Assert.Equal(0, _problems.Count);
        Assert.Empty(LabelOf(path));
    }

    static void Write(string path, CancellationToken ended)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        while (!ended.IsCancellationRequested)
        {
            file.Position = 0;
            file.WriteByte(1);
            Thread.Sleep(1);
        }
    }

    static FileStat Stat(string path)
    {
        Assert.True(FileStat.TryOfPath(path, out FileStat stat));
        return stat;
    }

    static byte[] LabelOf(string path)
    {
        using HeldFile file = HeldFile.Open(path);
        byte[] label = new byte[100];
        return label[..Math.Max(file.GetXattr("security.ima\0"u8, label), 0)];
    }

    LabelCounts LabelWithJournal(bool resume)
    {
        using var journal = LabelJournal.Open(_directory.At("journal"), "sha256", resume);
        return Label(ByHash with { Journal = journal });
    }

    LabelCounts Label(LabelSettings settings)
    {
        var labeller = new TreeLabeller(settings, new TreeWalker([_directory.At("tree")], _problems), _problems);
        labeller.Run(2, CancellationToken.None);
        return labeller.Counts;
    }
}
