using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace ImaHost.Trees;

/// <summary>What one thread does with the files of a tree.</summary>
interface ITreeWorker : IDisposable
{
    void Take(TreeFile file);
}

/// <summary>
/// Several threads that share the files of a tree. A few are found at a time, by whoever finds that all are taken: so no
/// thread has to wake another for each small file, and those few are all that is held in memory.
/// </summary>
sealed class TreeCrew : IDisposable
{
    const int MostAtOnce = 64;

    readonly IEnumerator<TreeFile> _files;
    readonly CancellationTokenSource _ended;
    readonly Lock _finding = new();
    Batch _batch = new([]);

    TreeCrew(IEnumerable<TreeFile> files, CancellationToken stop)
    {
        _files = files.GetEnumerator();
        _ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
    }

    /// <summary>Has every file taken by one of the workers, and returns when they are done or told to stop.</summary>
    /// <param name="create">Makes the worker of one thread.</param>
    /// <param name="stop">No file is begun after that.</param>
    /// <exception cref="Exception">That of the worker that failed first; the others were told to stop.</exception>
    public static void Run(IEnumerable<TreeFile> files, int workers, Func<ITreeWorker> create, CancellationToken stop)
    {
        using var crew = new TreeCrew(files, stop);
        Task[] threads =
        [
            .. Enumerable.Range(0, workers).Select(_ => Task.Factory.StartNew(
                () => crew.Work(create), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)),
        ];
        try
        {
            Task.WaitAll(threads, CancellationToken.None); // They end by themselves when they are to stop.
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.Flatten().InnerExceptions[0]);
        }
    }

    public void Dispose()
    {
        while (_batch.TryTake(out TreeFile? left))
        {
            left.Release();
        }

        _files.Dispose();
        _ended.Dispose();
    }

    void Work(Func<ITreeWorker> create)
    {
        bool isDone = false;
        try
        {
            using ITreeWorker worker = create();
            while (TryFind(out TreeFile? file))
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
                _ended.Cancel();
            }
        }
    }

    bool TryFind([NotNullWhen(true)] out TreeFile? file)
    {
        file = null;
        while (!_ended.IsCancellationRequested)
        {
            Batch batch = Volatile.Read(ref _batch);
            if (batch.TryTake(out file))
            {
                return true;
            }

            if (!TryFindMore(batch))
            {
                return false;
            }
        }

        return false;
    }

    /// <param name="taken">What was found last, of which nothing is left.</param>
    /// <returns>False: there is no more.</returns>
    bool TryFindMore(Batch taken)
    {
        lock (_finding)
        {
            if (_batch != taken)
            {
                return true;
            }

            var found = new List<TreeFile>(MostAtOnce);
            while (found.Count < MostAtOnce && _files.MoveNext())
            {
                found.Add(_files.Current);
            }

            Volatile.Write(ref _batch, new Batch([.. found]));
            return found.Count > 0;
        }
    }

    /// <summary>Files that were found together, and are taken one by one.</summary>
    sealed class Batch(TreeFile[] files)
    {
        int _taken;

        public bool TryTake([NotNullWhen(true)] out TreeFile? file)
        {
            int number = Interlocked.Increment(ref _taken) - 1;
            file = number < files.Length ? files[number] : null;
            return file != null;
        }
    }
}
