using ImaHost.Interop;
using ImaHost.Template;
using Microsoft.Extensions.Logging;

namespace ImaHost.Daemon;

/// <summary>Sends each line to the journal, with the facts it is made of as fields. Lines are lost rather than waited for.</summary>
sealed class JournalLoggerProvider(JournalSocket socket) : ILoggerProvider
{
    long _dropped;

    /// <summary>Lines that the journal did not take.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    public ILogger CreateLogger(string categoryName) => new JournalLogger(this);

    public void Dispose() => socket.Dispose();

    void Send(ReadOnlySpan<byte> entry)
    {
        if (!socket.TrySend(entry))
        {
            _ = Interlocked.Increment(ref _dropped);
        }
    }

    sealed class JournalLogger(JournalLoggerProvider provider) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            string message = formatter(state, exception);
            var entry = new ByteBuilder(1024);
            JournalEntry.Append(
                logLevel, eventId, exception == null ? message : $"{message}\n{exception}",
                state as IReadOnlyList<KeyValuePair<string, object?>>, entry);
            provider.Send(entry.Written);
        }
    }
}

/// <summary>Finds out whether standard error is the journal.</summary>
static class Journal
{
    const string SocketPath = "/run/systemd/journal/socket";

    /// <summary>As systemd names the stream that it has connected standard error to (systemd.exec(5)).</summary>
    const string StreamVariable = "JOURNAL_STREAM";

    /// <returns>Null: log lines go elsewhere, or the journal does not answer.</returns>
    public static JournalLoggerProvider? TryOpen() =>
        IsStandardError(Environment.GetEnvironmentVariable(StreamVariable)) && JournalSocket.TryConnect(SocketPath) is { } socket
            ? new JournalLoggerProvider(socket)
            : null;

    /// <param name="stream">"DEVICE:INODE", or null.</param>
    static bool IsStandardError(string? stream) =>
        stream != null && FileStat.TryOfPath("/proc/self/fd/2", out FileStat error)
        && stream == FormattableString.Invariant($"{DeviceNumber(error.DeviceMajor, error.DeviceMinor)}:{error.Inode}");

    /// <summary>dev_t as the C library makes it (makedev(3)).</summary>
    static ulong DeviceNumber(ulong major, ulong minor) =>
        ((major & 0xfffff000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffffff00) << 12) | (minor & 0xff);
}
