using ImaHost.Events;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Events;

public sealed class NumberedEntriesTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Enumeration_gives_numbers_only_and_tells_why_it_ends_early()
    {
        foreach (string name in new[] { "7", "0", "2147483648", "-1", "1a", "self" })
        {
            _ = _directory.Write($"numbers/{name}", "");
        }

        var errors = new List<int>();
        Assert.Equal([0, 7], Entries("numbers", errors).Order());
        Assert.Empty(errors);
        Assert.Empty(Entries("nowhere", errors));
        Assert.Equal([2], errors);
    }

    List<int> Entries(string directory, List<int> errors)
    {
        var numbers = new List<int>();
        using var entries = new NumberedEntries(_directory.At(directory), errors.Add);
        while (entries.MoveNext())
        {
            numbers.Add(entries.Current);
        }

        return numbers;
    }
}
