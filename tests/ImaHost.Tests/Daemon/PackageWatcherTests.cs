using ImaHost.Appraisal;
using ImaHost.Crypto;
using ImaHost.Daemon;
using ImaHost.Engine;
using ImaHost.Packages;
using ImaHost.Policy;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ImaHost.Tests.Daemon;

public sealed class PackageWatcherTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly ListFixture _list = new();
    readonly Told _told = new();

    public void Dispose()
    {
        _list.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void List_that_brings_out_a_bug_is_told_of_once_and_ends_nothing()
    {
        var store = new PackageStore(_directory.Root);

        // A root directory with a NUL is refused by the runtime, not by the kernel.
        string list = store.Put(new PackageList(new PackageId("dpkg", "x", "1", "all", "/\0"), RecordedFrom.Unpack, []));
        PackageWatcher watcher = Watcher();

        watcher.Turn();
        watcher.Turn();
        Assert.Contains("ArgumentException", Assert.Single(_told.Errors), StringComparison.Ordinal);

        File.Delete(Path.Combine(store.Directory, list));
        watcher.Turn();
        Assert.Single(_told.Errors);
    }

    PackageWatcher Watcher()
    {
        var options = new EngineOptions(
            AppraiseMode.Enforce, HashAlgorithm.Sha256, TemplateDescriptor.ImaSig, Pcr: 10, FailAllows: false);
        var engine = new ImaEngine(
            options, new ImaPolicy([]), _list.List, new ReadWriteCheck(), new EngineCounters(), NullLogger.Instance);
        var settings = new DaemonOptions { State = _directory.Root };

        // Nothing here changes what is in force, so the guard gets no notice.
        return new PackageWatcher(settings, new VoucherLoader(settings, engine, notice: null!, NullLogger.Instance), _told);
    }

    sealed class Told : ILogger
    {
        public List<string> Errors { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Error)
            {
                Errors.Add($"{formatter(state, exception)}: {exception}");
            }
        }
    }
}
