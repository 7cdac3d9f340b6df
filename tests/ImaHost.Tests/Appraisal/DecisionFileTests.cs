using System.Text;
using ImaHost.Appraisal;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Appraisal;

public sealed class DecisionFileTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void File_that_is_full_takes_the_place_of_the_one_before_it()
    {
        string path = _directory.At("decisions", "denied");
        using (var file = new DecisionFile(path, limit: 10))
        {
            foreach (string line in (string[])["one\n", "two\n", "three\n", "four\n", "five\n"])
            {
                file.Append(Encoding.ASCII.GetBytes(line));
            }
        }

        Assert.Equal("three\n", File.ReadAllText(DecisionFile.Before(path)));
        Assert.Equal("four\nfive\n", File.ReadAllText(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void Line_after_half_a_line_stands_by_itself()
    {
        string path = _directory.Write("decisions/denied", "whole\nha");
        using (var file = new DecisionFile(path, limit: 100))
        {
            file.Append("next\n"u8);
        }

        Assert.Equal("whole\nha\nnext\n", File.ReadAllText(path));
    }

    [Fact]
    public void History_adds_up_repetitions_and_counts_what_is_damaged_or_lost()
    {
        var first = new DecisionRecord { Seq = 7, Time = DateTime.UnixEpoch, Outcome = DecisionOutcome.Denied, Path = "/x" };
        var again = new DecisionRecord { Seq = 7, Time = DateTime.UnixEpoch, Count = 4, Last = DateTime.UnixEpoch.AddSeconds(9) };
        var orphan = new DecisionRecord { Seq = 5, Count = 4, Last = DateTime.UnixEpoch };
        var gap = new DecisionRecord { Seq = 8, Outcome = DecisionOutcome.Dropped, Count = 11 };
        var allowed = new DecisionRecord { Seq = 3, Outcome = DecisionOutcome.Allowed, Path = "/x" };
        string denied = Text(first, orphan) + "{\"seq\":9,\"outc\n" + "[]\n" + Text(again, gap);
        _ = _directory.Write("decisions/denied.1", denied);
        _ = _directory.Write("decisions/allowed", Text(allowed));

        DecisionHistory history = DecisionHistory.Read(_directory.Root);

        Assert.Equal([3, 7], history.Records.Select(record => record.Seq));
        Assert.Equal((5, DateTime.UnixEpoch.AddSeconds(9)), (history.Records.Last().Count, history.Records.Last().Latest));
        Assert.Equal((2, 11, 7), (history.Damaged, history.Dropped, history.LastSeq));
    }

    [Fact]
    public void History_of_a_directory_without_any_is_empty() =>
        Assert.Empty(DecisionHistory.Read(_directory.Root).Records);

    static string Text(params DecisionRecord[] records) =>
        string.Concat(records.Select(record => Encoding.UTF8.GetString(record.ToLine())));
}
