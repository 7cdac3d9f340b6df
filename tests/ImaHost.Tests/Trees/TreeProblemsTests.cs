using ImaHost.Interop;
using ImaHost.Trees;
using Xunit;

namespace ImaHost.Tests.Trees;

public sealed class TreeProblemsTests
{
    [Fact]
    public void Problems_are_told_at_once_and_grouped_by_cause_with_the_first_of_each()
    {
        var told = new List<string>();
        var problems = new TreeProblems((path, cause) => told.Add($"{path} {cause}"));
        problems.Add("/lone", "rare");
        for (int i = 0; i < 25; i++)
        {
            problems.Add($"/{i}", "often");
        }

        Assert.Equal(26, problems.Count);
        Assert.Equal(26, told.Count);
        Assert.Equal("/lone rare", told[0]);
        Assert.Equal([("often", 25), ("rare", 1)], problems.Groups.Select(group => (group.Cause, group.Count)));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"/{i}"), problems.Groups[0].Examples);
    }

    [Theory]
    [InlineData(30, false, "its filesystem is mounted read-only (EROFS)")]
    [InlineData(95, false, "its filesystem has no security attributes (EOPNOTSUPP)")]
    [InlineData(1, true, "it is immutable or append-only, see lsattr(1) (EPERM)")]
    [InlineData(1, false, "write security.ima: Operation not permitted (EPERM)")]
    [InlineData(28, false, "write security.ima: No space left on device (ENOSPC)")]
    public void Cause_of_a_label_that_cannot_be_written_is_told_by_what_is_to_be_done(int errno, bool isSealed, string cause) =>
        Assert.Equal(cause, FileProblem.OfLabelling(-errno, default(FileStat) with { IsSealed = isSealed }));
}
