using ImaHost.Appraisal;
using ImaHost.Interop;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace ImaHost.Daemon;

/// <summary>Log lines go to standard error by a thread of their own; when that cannot keep up they are dropped.</summary>
static partial class Logging
{
    const int MostWaiting = 10000;

    /// <param name="toJournal">Takes the lines in place of standard error; null: nothing does.</param>
    public static ILoggerFactory Create(LogFormat format, JournalLoggerProvider? toJournal = null) => LoggerFactory.Create(builder =>
    {
        if (toJournal != null)
        {
            _ = builder.AddProvider(toJournal);
            return;
        }

        // The journal wants "<4>" before each line; a person at a terminal does not.
        bool journal = Environment.GetEnvironmentVariable("JOURNAL_STREAM") != null;
        if (format == LogFormat.Json)
        {
            builder.AddJsonConsole(options =>
            {
                options.UseUtcTimestamp = true;
                options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
            });
        }
        else if (journal)
        {
            builder.AddSystemdConsole();
        }
        else
        {
            builder.AddSimpleConsole(options =>
            {
                options.SingleLine = true;
                options.TimestampFormat = "yyyy-MM-dd HH:mm:sszzz ";
                options.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }

        builder.Services.Configure<ConsoleLoggerOptions>(options =>
        {
            options.LogToStandardErrorThreshold = LogLevel.Trace;
            options.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
            options.MaxQueueLength = MostWaiting;
        });
    });

    [LoggerMessage(
        EventId = 20, Level = LogLevel.Information,
        Message = "host {Pid}: {Entries} entries in {Path}; TPM {Tpm}, PCR {Pcr}, appraise {Appraise}")]
    public static partial void Started(
        ILogger log, int pid, string path, long entries, string tpm, int pcr, AppraiseMode appraise);

    [LoggerMessage(
        EventId = 21, Level = LogLevel.Warning,
        Message = "--tpm none: nothing vouches for this list; whoever can write {State} can rewrite it unnoticed")]
    public static partial void NoTpm(ILogger log, string state);

    [LoggerMessage(EventId = 22, Level = LogLevel.Critical, Message = "the list or the TPM has a fault: {Fault}")]
    public static partial void TpmFault(ILogger log, string fault);

    [LoggerMessage(EventId = 23, Level = LogLevel.Information, Message = "the fault is over: list and TPM agree")]
    public static partial void TpmRecovered(ILogger log);

    [LoggerMessage(EventId = 24, Level = LogLevel.Information, Message = "policy of {Rules} rules in force")]
    public static partial void PolicyLoaded(ILogger log, int rules);

    [LoggerMessage(EventId = 25, Level = LogLevel.Error, Message = "the old policy stays: {Cause}")]
    public static partial void PolicyRefused(ILogger log, string cause);

    [LoggerMessage(EventId = 36, Level = LogLevel.Warning, Message = "what vouches for files: {Cause}")]
    public static partial void VoucherRefused(ILogger log, string cause);

    [LoggerMessage(
        EventId = 33, Level = LogLevel.Warning, Message = "the guard does not follow the new policy within {Milliseconds} ms")]
    public static partial void SlowGuard(ILogger log, int milliseconds);

    [LoggerMessage(
        EventId = 27, Level = LogLevel.Information, Message = "buffer \"{Name}\" of user {Uid}: {Outcome}")]
    public static partial void BufferMeasured(ILogger log, string name, uint uid, string outcome);

    [LoggerMessage(EventId = 28, Level = LogLevel.Error, Message = "services cannot ask at {Path}: {Cause}")]
    public static partial void NoServices(ILogger log, string path, string cause);

    [LoggerMessage(EventId = 37, Level = LogLevel.Error, Message = "metrics cannot be had at {Path}: {Cause}")]
    public static partial void NoMetrics(ILogger log, string path, string cause);

    [LoggerMessage(EventId = 29, Level = LogLevel.Information, Message = "watching {Filesystem}")]
    public static partial void Watching(ILogger log, string filesystem);

    [LoggerMessage(EventId = 30, Level = LogLevel.Warning, Message = "not watching {Filesystem}: {Cause}")]
    public static partial void NotWatching(ILogger log, string filesystem, string cause);

    [LoggerMessage(EventId = 34, Level = LogLevel.Warning, Message = "the machine refuses to forbid dumps of this process")]
    public static partial void DumpsAllowed(ILogger log);

    [LoggerMessage(EventId = 31, Level = LogLevel.Information, Message = "{Filesystem} is not mounted any more")]
    public static partial void NoLongerWatching(ILogger log, string filesystem);

    [LoggerMessage(
        EventId = 32, Level = LogLevel.Warning,
        Message = "not all that is mounted was looked at within {Milliseconds} ms: it goes on")]
    public static partial void SlowMounts(ILogger log, int milliseconds);

    [LoggerMessage(
        EventId = 34, Level = LogLevel.Error,
        Message = "\"{Comm}\" (pid {Pid}) holds the guard's fanotify group: if the guard dies, everything waits for it")]
    public static partial void GroupHeld(ILogger log, string comm, int pid);

    [LoggerMessage(
        EventId = 38, Level = LogLevel.Warning,
        Message = "BPF refused {Hook} of {Path} to process {Pid} ({Program}): {Cause}; further ones are counted")]
    public static partial void CodeDenied(ILogger log, CodeHook hook, string path, uint pid, string program, CodeCause cause);

    [LoggerMessage(
        EventId = 39, Level = LogLevel.Information,
        Message = "BPF would refuse {Hook} of {Path} to process {Pid} ({Program}): {Cause}; further ones are counted")]
    public static partial void CodeReported(ILogger log, CodeHook hook, string path, uint pid, string program, CodeCause cause);

    [LoggerMessage(EventId = 40, Level = LogLevel.Information, Message = "without BPF: {Cause}; `imahost status` says what stays open")]
    public static partial void NoBpf(ILogger log, string cause);

    [LoggerMessage(EventId = 26, Level = LogLevel.Critical, Message = "{Thread} failed; the guard starts another host")]
    public static partial void ThreadFailed(ILogger log, Exception exception, string thread);
}
