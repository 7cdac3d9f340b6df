using System.Security.Cryptography;
using System.Text;
using ImaHost.Appraisal;
using ImaHost.Learning;
using ImaHost.MeasurementList;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Tests.Support;
using ImaHost.Trees;
using Xunit;
using HashAlgorithm = ImaHost.Crypto.HashAlgorithm;

namespace ImaHost.Tests.Learning;

public sealed class LearnerTests : IDisposable
{
    static readonly LearnSettings Default = new([], Latest: false, All: false, WouldDeny: false);

    readonly TemporaryDirectory _directory = new();

    public LearnerTests() => Privileges.Require();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Files_that_are_as_they_were_listed_are_taken_and_others_left_out_with_the_reason()
    {
        Entry[] list =
        [
            Listed("same"), Listed("gone"), Listed("changed"), Listed("exposed"), Listed("two"),
            new(SHA256.HashData("two, later"u8), _directory.At("two"), []),
        ];
        File.Delete(_directory.At("gone"));
        File.WriteAllText(_directory.At("changed"), "since");
        File.WriteAllText(_directory.At("two"), "two, later");
        File.SetUnixFileMode(_directory.At("exposed"), (UnixFileMode)0x1b6);

        Learned learned = Learn(Default, list);

        Assert.Equal([_directory.At("same")], Paths(learned));
        Assert.Equal(
            [
                ("changed", LeftOutReason.Changed), ("exposed", LeftOutReason.Exposed), ("gone", LeftOutReason.Gone),
                ("two", LeftOutReason.Conflict), ("two", LeftOutReason.Conflict),
            ],
            learned.LeftOut.Select(one => (Path.GetFileName(one.Path.ToString()), one.Reason)));
    }

    [Fact]
    public void Later_content_of_a_file_is_taken_when_that_is_wanted()
    {
        Entry[] list = [Listed("two"), new(SHA256.HashData("two, later"u8), _directory.At("two"), [])];
        File.WriteAllText(_directory.At("two"), "two, later");

        Learned learned = Learn(Default with { Latest = true }, list);

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("two, later"u8)), Convert.ToHexStringLower(Assert.Single(learned.Taken).Digest.Bytes));
        Assert.Equal(LeftOutReason.Conflict, Assert.Single(learned.LeftOut).Reason);
    }

    [Fact]
    public void All_takes_also_what_is_not_as_it_was()
    {
        Entry[] list = [Listed("changed"), Listed("gone")];
        File.WriteAllText(_directory.At("changed"), "since");
        File.Delete(_directory.At("gone"));

        Learned learned = Learn(Default with { All = true }, list);

        Assert.Equal([_directory.At("changed"), _directory.At("gone")], Paths(learned));
        Assert.Empty(learned.LeftOut);
    }

    [Fact]
    public void Names_with_spaces_and_odd_bytes_are_found_again()
    {
        Entry[] list = [Listed("with space", "with_space"), Listed("new\nline", @"new\x0aline"), Listed("below it/a b", "below_it/a_b")];

        Assert.Equal(
            [_directory.At("below it/a b"), _directory.At(@"new\x0aline"), _directory.At("with space")],
            Paths(Learn(Default, list)));
    }

    [Fact]
    public void Patterns_choose_files()
    {
        Entry[] list = [Listed("bin/one"), Listed("lib/two")];

        Learned learned = Learn(Default with { Paths = [PathGlob.Parse(_directory.At("bin/*"))] }, list);

        Assert.Equal([_directory.At("bin/one")], Paths(learned));
        Assert.Contains("1 file that no --path matches", learned.Notes);
    }

    [Fact]
    public void Only_what_would_be_denied_is_taken_when_that_is_wanted()
    {
        Entry[] list = [Listed("program"), Listed("labelled"), Listed("data")];
        foreach (string name in (string[])["program", "labelled"])
        {
            File.SetUnixFileMode(_directory.At(name), (UnixFileMode)0x1ed);
        }

        var problems = new TreeProblems();
        new TreeLabeller(
            LabelSettings.ByHash(HashAlgorithm.Sha256), new TreeWalker([_directory.At("labelled")], problems), problems)
            .Run(1, CancellationToken.None);

        Learned learned = Learn(Default with { WouldDeny = true }, list);

        Assert.Equal([_directory.At("program")], Paths(learned));
        Assert.Contains("2 files that would not be denied, or are gone", learned.Notes);
    }

    [Fact]
    public void Entries_that_nothing_can_be_learned_from_are_told()
    {
        Entry[] list =
        [
            Listed("same"), new(new byte[32], _directory.At("violated"), []) { IsViolation = true },
            new(SHA256.HashData([]), "boot_aggregate", []),
        ];
        var scan = ListScan.Read(Reader(list), HashAlgorithm.Sha512);

        Assert.Empty(scan.Files);
        Assert.Equal([("no files", 1), ("sha256", 1)], scan.Others.Select(one => (one.Key, one.Value)).Order());
        Assert.Equal([_directory.At("violated")], scan.Violated.Select(name => name.ToString()));
    }

    [Fact]
    public void Lists_of_kernels_are_learned_from()
    {
        KernelVector vector = KernelVector.Open("dedupe");
        using var binary = new ListFile(vector.BinaryPath);
        using var ascii = new ListFile(vector.AsciiPath);
        var scan = ListScan.Read(binary.Open(), HashAlgorithm.Sha256);
        var same = ListScan.Read(ascii.Open(), HashAlgorithm.Sha256);

        Assert.NotEmpty(scan.Files);
        Assert.Equal(Describe(scan), Describe(same));
        Assert.Equal(scan.Others.Order(), same.Others.Order());
    }

    static IEnumerable<string> Describe(ListScan scan) => scan.Files.Select(file => $"{file.Name} {file.Digest}");

    static IEnumerable<string> Paths(Learned learned) => learned.Taken.Select(file => file.Path.ToString());

    static LogReader Reader(Entry[] list)
    {
        byte[] bytes = [.. list.SelectMany(entry => entry.Record())];
        return new LogReader((into, offset) =>
        {
            int count = (int)Math.Min(into.Length, bytes.Length - offset);
            bytes.AsSpan((int)offset, count).CopyTo(into);
            return count;
        });
    }

    static Learned Learn(LearnSettings settings, Entry[] list)
    {
        using var learner = new Learner(settings, Judge());
        return learner.Learn(ListScan.Read(Reader(list), HashAlgorithm.Sha256));
    }

    static AuditSettings Judge() => new(
        ImaPolicy.Default, Vouchers.Empty, HashAlgorithm.Sha256,
        new Subject { Known = SubjectFacts.Ids | SubjectFacts.Capabilities });

    /// <summary>A file whose content is its name, and its entry.</summary>
    /// <param name="listed">Its name as lists have it.</param>
    Entry Listed(string name, string? listed = null)
    {
        _ = _directory.Write(name, name);
        return new Entry(SHA256.HashData(Encoding.UTF8.GetBytes(name)), _directory.At(listed ?? name), []);
    }
}
