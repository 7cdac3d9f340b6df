using ImaHost.Packages;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>
/// Keeps the lists of packages in step with what is installed, so that none of it depends on a package manager having run
/// its hooks to the end.
/// </summary>
sealed partial class PackageWatcher(DaemonOptions options, VoucherLoader vouchers, ILogger log)
{
    const int PauseMilliseconds = 1000;

    readonly Reconciler _reconciler = new(new PackageStore(options.State), options.PackageGrace);
    readonly HashSet<string> _told = [];
    string? _failed;
    bool _isStale;

    /// <summary>Looks once a second for as long as the process lives.</summary>
    public void Run()
    {
        for (; ; Thread.Sleep(PauseMilliseconds))
        {
            Turn();
        }
    }

    /// <summary>
    /// Looks once. What goes wrong is told of once, until it is something else, and the next turn tries again.
    /// </summary>
#pragma warning disable CA1031 // a list or a database that brings out a bug must not end the host, and each one after it
    public void Turn()
    {
        try
        {
            try
            {
                Look();
            }
            finally
            {
                vouchers.Tend();
            }

            _failed = null;
        }
        catch (Exception e)
        {
            string failure = $"{e.GetType()}: {e.Message}";
            if (failure != _failed)
            {
                TurnFailed(log, e);
            }

            _failed = failure;
        }
    }
#pragma warning restore CA1031

    void Look()
    {
        try
        {
            bool changes = _reconciler.TryReconcile(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            Tell(_reconciler.Last.Problems);
            if (changes)
            {
                Changed(log, _reconciler.Last.Expiring.Count, _reconciler.Last.Returned.Count, _reconciler.Last.Deleted.Count);
            }

            // The reconciler tells of a change once: loading that failed is made up for by the next turn.
            _isStale |= changes;
            if (_isStale)
            {
                vouchers.Reload();
                _isStale = false;
            }
        }
        catch (Exception e) when (e is PackageException or IOException or UnauthorizedAccessException)
        {
            Tell([e.Message]);
        }
    }

    /// <summary>Each problem once, until there is another: this comes every second.</summary>
    void Tell(IReadOnlyList<string> problems)
    {
        foreach (string problem in problems.Where(problem => !_told.Contains(problem)))
        {
            NotFollowed(log, problem);
        }

        _told.Clear();
        _told.UnionWith(problems);
    }

    [LoggerMessage(
        EventId = 70, Level = LogLevel.Information,
        Message = "package lists: {Expiring} expire, {Returned} stay after all, {Deleted} removed")]
    static partial void Changed(ILogger log, int expiring, int returned, int deleted);

    [LoggerMessage(EventId = 71, Level = LogLevel.Warning, Message = "package lists: {Problem}")]
    static partial void NotFollowed(ILogger log, string problem);

    [LoggerMessage(
        EventId = 72, Level = LogLevel.Error,
        Message = "package lists: one look at them failed; they stay as they are, and the next second tries again")]
    static partial void TurnFailed(ILogger log, Exception e);
}
