using System.Globalization;
using ImaHost.Appraisal;
using ImaHost.Engine;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Outcome = ImaHost.Appraisal.Appraisal;

namespace ImaHost.Tests.Engine;

public sealed class DecisionLogTests : IDisposable
{
    const int PatienceMilliseconds = 30_000;

    readonly TemporaryDirectory _directory = new();
    readonly DecisionLog _log = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Denial_is_kept_with_all_that_is_known_of_it()
    {
        string path = _directory.Write("it's a \"tool\"", "content");
        using var file = new Noted(path);

        file.Note(_log);

        DecisionRecord record = Assert.Single(Write().Records);
        Assert.Equal((1, DecisionOutcome.Denied, 1), (record.Seq, record.Outcome, record.Count));
        Assert.Equal(path.Replace("\"", "\\x22", StringComparison.Ordinal), record.Path);
        Assert.Equal(("BPRM_CHECK", Environment.ProcessId, "missing-hash"), (record.Hook, record.Pid, record.Cause));
        Assert.Equal(("appraise func=BPRM_CHECK", "test:1", "enforce"), (record.Rule, record.Origin, record.Mode));
        Assert.Equal("sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", record.Digest);
        Assert.Equal(File.ReadAllText("/proc/self/comm").Trim(), record.Comm);
        Assert.InRange(record.Time, DateTime.UtcNow.AddMinutes(-1), DateTime.UtcNow);
    }

    [Fact]
    public void Storm_of_one_denial_is_a_count_and_leaves_the_others()
    {
        using var other = new Noted(_directory.Write("other", "b"));
        using var stormy = new Noted(_directory.Write("stormy", "a"));
        other.Note(_log);
        using DecisionWriter writer = NewWriter();
        for (int i = 0; i < 100_000; i++)
        {
            stormy.Note(_log);
            if (i % 1000 == 0)
            {
                writer.Step(0);
            }
        }

        DecisionHistory history = Write(writer);

        Assert.Equal([1, 100_000], history.Records.Select(record => record.Count));
        Assert.Equal(0, _log.Dropped);
        Assert.True(new FileInfo(DecisionHistory.DeniedIn(_directory.Root)).Length < 100_000);
    }

    [Fact]
    public void Denial_for_another_reason_or_of_another_content_is_another()
    {
        string path = _directory.Write("file", "a");
        using (var file = new Noted(path))
        {
            file.Note(_log);
            file.Note(_log, cause: Outcome.InvalidHash);
            file.Note(_log, DecisionOutcome.WouldDeny);
        }

        File.WriteAllText(path, "b");
        using (var file = new Noted(path))
        {
            file.Note(_log);
        }

        Assert.Equal(4, Write().Records.Count);
    }

    [Fact]
    public void Content_that_is_allowed_is_kept_once_until_something_changes()
    {
        using var file = new Noted(_directory.Write("file", "a"));
        file.Note(_log, DecisionOutcome.Allowed);
        file.Note(_log, DecisionOutcome.Allowed);
        file.Note(_log, DecisionOutcome.Allowed, policy: 2);
        file.Note(_log);
        file.Note(_log, DecisionOutcome.Allowed, policy: 2);
        file.Note(_log, DecisionOutcome.Allowed, policy: 2);

        Assert.Equal(
            [DecisionOutcome.Allowed, DecisionOutcome.Allowed, DecisionOutcome.Denied, DecisionOutcome.Allowed],
            Write().Records.Select(record => record.Outcome!.Value));
    }

    [Fact]
    public void What_finds_no_room_is_counted_and_waits_for_nobody()
    {
        Deny(DecisionLog.Slots + 88);

        Assert.Equal(88, _log.Dropped);
        DecisionHistory history = Write();
        Assert.Equal((DecisionLog.Slots, 88), (history.Records.Count, history.Dropped));
    }

    [Fact]
    public void Disk_that_takes_nothing_loses_decisions_and_says_how_many_once_it_does()
    {
        string inTheWay = _directory.Write("decisions", "a file, where a directory is to be");
        using DecisionWriter writer = NewWriter();
        Deny(3);
        writer.Step(0);
        Assert.Equal((3, 0), (_log.Dropped, writer.Written));

        File.Delete(inTheWay);
        Deny(1);
        DecisionHistory history = Write(writer);

        Assert.Equal((1, 3), (history.Records.Count, history.Dropped));
    }

    [Fact]
    public void Next_host_goes_on_with_the_numbers()
    {
        Deny(2);
        _ = Write();
        var next = new DecisionLog();
        using var file = new Noted(_directory.Write("file", "a"));
        file.Note(next);
        using var writer = new DecisionWriter(next, _directory.Root, NullLogger.Instance);
        Thread run = Threads.Start("writer", writer.Run);

        Assert.True(next.Flush(PatienceMilliseconds));
        Assert.Equal([1, 2, 3], DecisionHistory.Read(_directory.Root).Records.Select(record => record.Seq));
        Assert.True(run.IsAlive);
    }

    [Fact]
    public void Flush_of_what_nobody_writes_ends_when_its_time_is_over() => Assert.False(_log.Flush(50));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Noting_allocates_nothing(bool denies)
    {
        using var file = new Noted(_directory.Write("file", "a"));
        using DecisionWriter writer = NewWriter();
        long least = long.MaxValue;
        ulong policy = 0;
        long end = Environment.TickCount64 + PatienceMilliseconds;
        while (least > 0 && Environment.TickCount64 < end)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 40; i++)
            {
                // Each that is allowed is news, and takes a slot.
                file.Note(_log, denies ? DecisionOutcome.Denied : DecisionOutcome.Allowed, policy: ++policy);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            writer.Step(0);
        }

        Assert.Equal(0, least);
        Assert.Equal(0, _log.Dropped);
    }

    void Deny(int files)
    {
        for (int i = 0; i < files; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"file{i}");
            using var file = new Noted(_directory.Write(name, name));
            file.Note(_log);
        }
    }

    DecisionWriter NewWriter() => new(_log, _directory.Root, NullLogger.Instance);

    DecisionHistory Write(DecisionWriter? with = null)
    {
        using DecisionWriter? own = with == null ? NewWriter() : null;
        DecisionWriter writer = with ?? own!;
        Thread asks = Threads.Start("flush", () => _ = _log.Flush(PatienceMilliseconds));
        while (!asks.Join(0))
        {
            writer.Step(1);
        }

        return DecisionHistory.Read(_directory.Root);
    }
}
