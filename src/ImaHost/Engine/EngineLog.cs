using Microsoft.Extensions.Logging;

namespace ImaHost.Engine;

/// <summary>What the engine says. The logger queues: no access waits for a line to be written.</summary>
static partial class EngineLog
{
    [LoggerMessage(
        EventId = 1, Level = LogLevel.Warning,
        Message = "{Outcome} \"{Path}\" hook={Hook} pid={Pid} comm=\"{Comm}\" uid={Uid} cause={Cause} rule=\"{Rule}\" by={By} label={Label} key={Key} digest={Digest}: {Advice}")]
    public static partial void Denial(
        ILogger log, string outcome, string path, string hook, int pid, string comm, uint uid, string cause,
        string rule, string by, string label, string key, string digest, string advice);

    [LoggerMessage(
        EventId = 12, Level = LogLevel.Error,
        Message = "decisions are not recorded, and `imahost why` will not know of them: {Cause}")]
    public static partial void NotRecorded(ILogger log, string cause);

    [LoggerMessage(
        EventId = 2, Level = LogLevel.Error,
        Message = "{Outcome} \"{Path}\" without a judgement, pid={Pid}: {Cause}")]
    public static partial void Unjudged(ILogger log, string path, int pid, string cause, string outcome);

    /// <summary>In the words of the kernel's audit record (integrity_audit_msg).</summary>
    [LoggerMessage(
        EventId = 3, Level = LogLevel.Warning,
        Message = "violation op=invalid_pcr cause={Cause} comm=\"{Comm}\" name=\"{Path}\" dev={Major}:{Minor} ino={Inode} pid={Pid} uid={Uid}")]
    public static partial void Violation(
        ILogger log, string cause, string comm, string path, uint major, uint minor, ulong inode, int pid, string uid);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "cannot label \"{Path}\": {Cause}")]
    public static partial void NotFixed(ILogger log, string path, string cause);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "labelled \"{Path}\" with {Digest}")]
    public static partial void Fixed(ILogger log, string path, string digest);

    /// <summary>In the words of the kernel's record (ima_audit_measurement).</summary>
    [LoggerMessage(
        EventId = 7, Level = LogLevel.Information,
        Message = "audit file=\"{Path}\" hash=\"{Digest}\" pid={Pid} comm=\"{Comm}\" uid={Uid} rule=\"{Rule}\"")]
    public static partial void Audited(
        ILogger log, string path, string digest, int pid, string comm, uint uid, string rule);

    [LoggerMessage(
        EventId = 11, Level = LogLevel.Warning,
        Message = "writers of {Files} programs go on, though {Tasks} tasks had no processor for {Milliseconds} ms: an exec among them may run what is written now")]
    public static partial void Starved(ILogger log, int files, int tasks, int milliseconds);

    [LoggerMessage(
        EventId = 8, Level = LogLevel.Information,
        Message = "measured what ran before: {Files} files of {Processes} processes, of which {Denied} files would have been denied")]
    public static partial void RanBefore(ILogger log, int files, int processes, long denied);

    [LoggerMessage(
        EventId = 9, Level = LogLevel.Error,
        Message = "a file that runs already is not measured (inode {Inode} of {Major}:{Minor}): {Cause}")]
    public static partial void NotOpened(ILogger log, ulong inode, uint major, uint minor, string cause);

    [LoggerMessage(
        EventId = 10, Level = LogLevel.Warning,
        Message = "each host will hash its own files again, because {Path} cannot be written: {Cause}")]
    public static partial void NotRemembered(ILogger log, string path, string cause);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "a worker failed on one access, which got {Outcome}")]
    public static partial void WorkerFailed(ILogger log, Exception exception, string outcome);
}
