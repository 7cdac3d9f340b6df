using ImaHost.Interop;
using ImaHost.Tests.Support;
using ImaHost.Trees;
using Xunit;

namespace ImaHost.Tests.Trees;

public sealed class LabelJournalTests : IDisposable
{
    static readonly FileStat Labelled = new(8, 1, 4711, 0x81ed, 0, 0, 1, 100)
    {
        Modified = new FileTime(1_700_000_000, 1),
        Changed = new FileTime(1_700_000_100, 2),
    };

    readonly TemporaryDirectory _directory = new();

    string Path => _directory.At("journal");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Journal_knows_what_was_noted_and_nothing_that_changed_since()
    {
        Note(Labelled, Labelled with { Inode = 4712 });

        using var journal = LabelJournal.Open(Path, "sha256", resume: true);

        Assert.Equal(2, journal.Count);
        Assert.True(journal.Has(Labelled));
        Assert.All(
            (FileStat[])
            [
                Labelled with { Inode = 4713 }, Labelled with { DeviceMinor = 2 }, Labelled with { Size = 101 },
                Labelled with { Changed = new FileTime(1_700_000_100, 3) },
                Labelled with { Modified = new FileTime(1_700_000_001, 1) },
            ],
            changed => Assert.False(journal.Has(changed)));
    }

    [Fact]
    public void Journal_of_another_kind_of_label_knows_nothing()
    {
        Note(Labelled);

        using var journal = LabelJournal.Open(Path, "sha512", resume: true);

        Assert.False(journal.Has(Labelled));
    }

    [Fact]
    public void Journal_that_is_not_resumed_begins_anew()
    {
        Note(Labelled);
        LabelJournal.Open(Path, "sha256", resume: false).Dispose();

        using var journal = LabelJournal.Open(Path, "sha256", resume: true);

        Assert.Equal(0, journal.Count);
        Assert.False(journal.Has(Labelled));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Journal_of_a_killed_run_loses_what_was_not_whole(int bytes)
    {
        Note(Labelled, Labelled with { Inode = 4712 });
        using (FileStream file = File.OpenWrite(Path))
        {
            file.SetLength(file.Length - bytes);
        }

        using (var journal = LabelJournal.Open(Path, "sha256", resume: true))
        {
            Assert.True(journal.Has(Labelled));
            Assert.False(journal.Has(Labelled with { Inode = 4712 }));
            journal.Add(Labelled with { Inode = 4714 });
        }

        using var again = LabelJournal.Open(Path, "sha256", resume: true);
        Assert.True(again.Has(Labelled with { Inode = 4714 }));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void File_that_is_no_journal_is_refused_and_stays_as_it_is(bool resume)
    {
        string precious = _directory.Write("precious", "the only copy of something");

        Exception refused = Assert.Throws<IOException>(() => LabelJournal.Open(precious, "sha256", resume));

        Assert.Contains($"{precious} is no journal", refused.Message, StringComparison.Ordinal);
        Assert.Equal("the only copy of something", File.ReadAllText(precious));
    }

    [Fact]
    public void Journal_is_one_run_at_a_time()
    {
        using var first = LabelJournal.Open(Path, "sha256", resume: false);

        Assert.Throws<IOException>(() => LabelJournal.Open(Path, "sha256", resume: true));
    }

    void Note(params FileStat[] stats)
    {
        using var journal = LabelJournal.Open(Path, "sha256", resume: false);
        foreach (FileStat stat in stats)
        {
            journal.Add(in stat);
        }
    }
}
