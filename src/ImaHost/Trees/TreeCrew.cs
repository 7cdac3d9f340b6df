using System.Collections.Concurrent;

namespace ImaHost.Trees;

/// <summary>What one thread does with the files of a tree.</summary>
interface ITreeWorker : IDisposable
{
    void Take(TreeFile file);
}

/// <summary>Several threads that share the files of a tree.</summary>
static class TreeCrew
{
    /// <summary>Files that were found and wait: enough that no worker waits while a directory is read.</summary>
    const int Room = 256;

    /// <summary>Has every file taken by one of the workers, and returns when they are done or told to stop.</summary>
    /// <param name="create">Makes the worker of one thread.</param>
    /// <param name="stop">No file is begun after that.</param>
    /// <exception cref="Exception">That of the worker that failed first; the others were told to stop.</exception>
    public static void Run(
        IEnumerable<TreeFile> files, int workers, Func<ITreeWorker> create, CancellationToken stop)
    {
        using var queue = new BlockingCollection<TreeFile>(Room);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] crew =
        [
            .. Enumerable.Range(0, workers).Select(_ => Task.Factory.StartNew(
                () => Work(queue, create, ended), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default)),
        ];
        try
        {
            Fill(queue, files, ended.Token);
        }
        finally
        {
            queue.CompleteAdding();
            Join(crew);
            while (queue.TryTake(out TreeFile? left))
            {
                left.Release();
            }
        }
    }

    static void Fill(BlockingCollection<TreeFile> queue, IEnumerable<TreeFile> files, CancellationToken ended)
    {
        foreach (TreeFile file in files)
        {
            try
            {
                queue.Add(file, ended);
            }
            catch (OperationCanceledException)
            {
                file.Release();
                return;
            }
        }
    }

    static void Work(BlockingCollection<TreeFile> queue, Func<ITreeWorker> create, CancellationTokenSource ended)
    {
        bool isDone = false;
        try
        {
            using ITreeWorker worker = create();
            while (!ended.IsCancellationRequested && TryTake(queue, ended.Token, out TreeFile? file))
            {
                try
                {
                    worker.Take(file);
                }
                finally
                {
                    file.Release();
                }
            }

            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                ended.Cancel();
            }
        }
    }

    static bool TryTake(
        BlockingCollection<TreeFile> queue, CancellationToken ended,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TreeFile? file)
    {
        try
        {
            return queue.TryTake(out file, Timeout.Infinite, ended);
        }
        catch (OperationCanceledException)
        {
            file = null;
            return false;
        }
    }

    static void Join(Task[] crew)
    {
        try
        {
            Task.WaitAll(crew);
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.Flatten().InnerExceptions[0]);
        }
    }
}
