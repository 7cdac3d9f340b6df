using System.Globalization;
using ImaHost.Trees;
using Spectre.Console;

namespace ImaHost.Cli;

/// <summary>
/// How far a command has come with trees, on a terminal. How many files there are is counted meanwhile: the end of the
/// bar moves on until that is known.
/// </summary>
sealed class TreeProgress
{
    const int LookMilliseconds = 100;

    readonly IAnsiConsole _console =
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    readonly IReadOnlyList<string> _paths;
    long _files;

    TreeProgress(IReadOnlyList<string> paths) => _paths = paths;

    /// <returns>Null: nobody looks.</returns>
    public static TreeProgress? Create(IReadOnlyList<string> paths) =>
        Console.IsErrorRedirected ? null : new TreeProgress(paths);

    /// <summary>Says what is wrong, above the bar if there is one.</summary>
    public static void Complain(TreeProgress? progress, string message)
    {
        if (progress == null)
        {
            CommandLine.Complain(message);
        }
        else
        {
            progress._console.WriteLine($"imahost: {message}");
        }
    }

    /// <summary>Shows it while something runs.</summary>
    /// <param name="done">Files and bytes so far.</param>
    /// <exception cref="Exception">What the running had.</exception>
    public void Show(Action run, Func<(long Files, long Bytes)> done, CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task counting = Task.Run(() => Count(ended.Token), CancellationToken.None);
        Task running = Task.Run(run, CancellationToken.None);
        _console.Progress().AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask("counting");
                do
                {
                    Update(task, done(), counting.IsCompleted);
                }
                while (Task.WaitAny([running], LookMilliseconds) < 0);
            });
        ended.Cancel();
        counting.GetAwaiter().GetResult();
        running.GetAwaiter().GetResult();
    }

    void Update(ProgressTask task, (long Files, long Bytes) done, bool isCounted)
    {
        long files = Math.Max(Volatile.Read(ref _files), done.Files);
        task.MaxValue = Math.Max(files, 1);
        task.Value = done.Files;
        task.Description = string.Create(
            CultureInfo.InvariantCulture,
            $"{done.Files} of {files}{(isCounted ? "" : " or more")} files, {done.Bytes >> 20} MiB");
    }

    void Count(CancellationToken ended)
    {
        foreach (TreeFile file in new TreeWalker(_paths, new TreeProblems()).Files())
        {
            file.Release();
            _files++;
            if (ended.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
