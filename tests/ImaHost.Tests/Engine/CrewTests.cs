using ImaHost.Engine;
using ImaHost.Events;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.Engine;

/// <summary>Threads are added while all are stuck, and no more than that.</summary>
public sealed class CrewTests : IDisposable
{
    const int Most = 4;
    readonly GuardEnd _guard = new();
    readonly ManualResetEventSlim _answer = new();
    int _threads;

    public void Dispose()
    {
        _answer.Set();
        _guard.Dispose();
        _answer.Dispose();
    }

    [Fact]
    public void Crew_grows_while_all_are_stuck_and_says_when_it_cannot()
    {
        Crew crew = NewCrew(Stick);

        Assert.True(crew.Tend());
        Until(() => !crew.Tend());

        Assert.Equal(Most, Volatile.Read(ref _threads));
        _answer.Set();
        Until(crew.Tend);
    }

    [Fact]
    public void Those_that_are_too_many_go_when_they_are_done()
    {
        Crew crew = NewCrew(Stick);
        Until(() => !crew.Tend());

        _answer.Set();

        Until(() => Volatile.Read(ref _threads) == 1);
    }

    [Fact]
    public void Crew_that_has_nothing_to_do_or_comes_on_does_not_grow()
    {
        Crew idle = NewCrew(stint => _answer.Wait());
        Crew busy = NewCrew(stint =>
        {
            using var request = new AccessRequest(_guard.Socket, Verdict.Deny);
            while (!_answer.Wait(10))
            {
                stint.Begin(request);
            }
        });
        for (int i = 0; i < 80; i++)
        {
            Assert.True(idle.Tend() && busy.Tend());
            Thread.Sleep(10);
        }

        Assert.Equal(2, Volatile.Read(ref _threads));
    }

    [Fact]
    public void Nobody_waits_for_those_that_are_stuck()
    {
        Crew crew = NewCrew(Stick);
        long begun = Environment.TickCount64;

        crew.Join(begun + 100);

        Assert.InRange(Environment.TickCount64 - begun, 90, 5000);
    }

    Crew NewCrew(Action<Stint> work)
    {
        var crew = new Crew("worker", 1, Most, stint => Count(stint, work), Threads.Start);
        crew.Begin();
        return crew;
    }

    void Count(Stint stint, Action<Stint> work)
    {
        _ = Interlocked.Increment(ref _threads);
        work(stint);
        _ = Interlocked.Decrement(ref _threads);
    }

    /// <summary>At one thing until there is an answer; then idle, if it may stay.</summary>
    void Stick(Stint stint)
    {
        using var request = new AccessRequest(_guard.Socket, Verdict.Deny);
        stint.Begin(request);
        _answer.Wait();
        if (stint.End())
        {
            Thread.Sleep(Timeout.Infinite);
        }
    }

    static void Until(Func<bool> condition)
    {
        long end = Environment.TickCount64 + 10_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < end);
            Thread.Sleep(10);
        }
    }
}
