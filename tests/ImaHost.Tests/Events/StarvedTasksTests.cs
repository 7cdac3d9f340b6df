using System.Diagnostics;
using ImaHost.Events;
using Xunit;

namespace ImaHost.Tests.Events;

/// <summary>Who could run and was not let is waited for; who sleeps, runs or has gone is not.</summary>
public sealed class StarvedTasksTests
{
    const string Hog = "while :; do :; done";

    [Fact]
    public void Tasks_that_run_or_sleep_are_not_waited_for()
    {
        using Process hog = Start("taskset", "-c", "0", "sh", "-c", Hog);
        using Process sleeper = Start("sleep", "60");
        try
        {
            Assert.True(StarvedTasks.Now(guardPid: 0).Await(20_000));
        }
        finally
        {
            hog.Kill();
            sleeper.Kill();
        }
    }

    [Fact]
    public void Task_that_gets_no_processor_is_waited_for_until_it_has_run_or_ended()
    {
        // Of the lowest class behind several of the usual one: it waits for tens to hundreds of milliseconds at a time.
        Process[] hogs = [.. Enumerable.Range(0, 4).Select(_ => Start("taskset", "-c", "0", "sh", "-c", Hog))];
        using Process idle = Start("taskset", "-c", "0", "chrt", "-i", "0", "sh", "-c", Hog);
        try
        {
            bool waited = false;
            for (int i = 0; i < 200 && !waited; i++)
            {
                Thread.Sleep(10);
                waited = !StarvedTasks.Now(guardPid: 0).Await(0);
            }

            Assert.True(waited, "nothing was ever starved");
            var starved = StarvedTasks.Now(guardPid: 0);
            idle.Kill();
            Array.ForEach(hogs, hog => hog.Kill());
            Assert.True(starved.Await(10_000));
            Assert.Equal(0, starved.Count);
        }
        finally
        {
            idle.Kill();
            Array.ForEach(hogs, hog => hog.Kill());
            Array.ForEach(hogs, hog => hog.Dispose());
        }
    }

    static Process Start(string program, params string[] arguments) => Process.Start(program, arguments);
}
