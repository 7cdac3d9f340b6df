using ImaHost.Trees;
using Xunit;

namespace ImaHost.Tests.Trees;

public sealed class TreeCrewTests
{
    const int Count = 2000;

    int _ended;

    [Fact]
    public void Crew_takes_each_file_once_and_ends_its_workers()
    {
        var taken = new System.Collections.Concurrent.ConcurrentBag<string>();

        TreeCrew.Run(Files(), 4, () => new Worker(this, file => taken.Add(file.Text)), CancellationToken.None);

        Assert.Equal(Enumerable.Range(0, Count).Select(number => $"/{number}").Order(), taken.Order());
        Assert.Equal(4, _ended);
    }

    [Fact]
    public void Crew_ends_when_told_to_however_many_files_there_are()
    {
        using var stop = new CancellationTokenSource();
        int taken = 0;

        TreeCrew.Run(
            Endless(), 2, () => new Worker(this, _ =>
            {
                if (Interlocked.Increment(ref taken) == Count)
                {
                    stop.Cancel();
                }
            }), stop.Token);

        Assert.InRange(taken, Count, Count + 2);
        Assert.Equal(2, _ended);
    }

    [Fact]
    public void Failure_of_one_worker_ends_all_and_is_told()
    {
        Exception told = Assert.Throws<IOException>(() => TreeCrew.Run(
            Endless(), 3, () => new Worker(this, file =>
            {
                if (file.Text == "/100")
                {
                    throw new IOException("broken");
                }
            }), CancellationToken.None));

        Assert.Equal("broken", told.Message);
        Assert.Equal(3, _ended);
    }

    static IEnumerable<TreeFile> Files() => Endless().Take(Count);

    static IEnumerable<TreeFile> Endless()
    {
        for (int number = 0; ; number++)
        {
            yield return new TreeFile(null, [.. System.Text.Encoding.ASCII.GetBytes($"/{number}"), 0]);
        }
    }

    sealed class Worker(TreeCrewTests test, Action<TreeFile> take) : ITreeWorker
    {
        public void Take(TreeFile file) => take(file);

        public void Dispose() => Interlocked.Increment(ref test._ended);
    }
}
