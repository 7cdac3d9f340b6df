using System.Runtime.InteropServices;

namespace ImaHost.Interop;

/// <summary>native/imahost_abi.h in C#. Names, values, sizes and offsets are compared by a test on either side.</summary>
public static class GuardAbi
{
    /// <summary>IMA_ABI_VERSION.</summary>
    public const int Version = 5;

    /// <summary>IMA_GUARD_ENV: set by the guard for the host it starts.</summary>
    public const string Environment = "IMAHOST_GUARD";

    internal const int SocketFd = 3;
    internal const int SharedFd = 4;
    internal const int FuseFd = 5;

    /// <summary>IMA_HOLD_BUCKETS: bucket i of the histogram counts holds below 2^i microseconds.</summary>
    public const int HoldBuckets = 32;

    /// <summary>IMA_CROWD: so many held accesses are a crowd.</summary>
    public const int Crowd = 256;

    /// <summary>IMA_FUSE_MAX_WRITE: the most bytes of one write request.</summary>
    public const int FuseMaxWrite = 131072;

    internal const int FuseRequestSize = FuseMaxWrite + 4096;

    /// <summary>IMA_POLICY_MAX: the longest policy text that can be written to the policy file.</summary>
    public const int PolicyMax = 262144;
}

/// <summary>enum ima_message.</summary>
public enum GuardMessage : uint
{
    /// <summary>The guard hung up.</summary>
    Closed = 0,
    /// <summary>An access waits for a verdict.</summary>
    Job = 1,
    /// <summary>The host's answer.</summary>
    Verdict = 2,
    /// <summary>The host takes jobs.</summary>
    Ready = 3,
    /// <summary>The host is still at work on a job.</summary>
    Progress = 4,
    /// <summary>No job will follow.</summary>
    Stop = 5,
    /// <summary>The guard got SIGHUP.</summary>
    Reload = 6,
    /// <summary>Somebody opens a file for writing whose verdict the kernel held.</summary>
    Writer = 7,
    /// <summary>The host names a filesystem to mark.</summary>
    Watch = 8,
    /// <summary>What came of it.</summary>
    Watched = 9,
    /// <summary>Another host follows: finish what there is, and end.</summary>
    Yield = 10,
    /// <summary>The host hands over what is installed now, to go on with.</summary>
    Renew = 11,
    /// <summary>The host orders a stop, which opens the gate.</summary>
    Open = 12,
    /// <summary>The BPF programs have refused something, or would have.</summary>
    Denial = 13,
}

/// <summary>enum ima_access: what the held task is doing.</summary>
public enum GuardAccess : uint
{
    /// <summary>execve(2) of the file.</summary>
    Exec = 1,
    /// <summary>open(2) of a file that starts as ELF does.</summary>
    Elf = 2,
    /// <summary>open(2) of any other file.</summary>
    Data = 3,
    /// <summary>open(2) of a file whose start the guard could not see without waiting for a disk.</summary>
    Open = 4,
}

/// <summary>IMA_JOB_*.</summary>
[Flags]
public enum GuardJobFacts : uint
{
    /// <summary>Nothing known.</summary>
    None = 0,
    /// <summary>A read lease keeps writers out.</summary>
    Leased = 1,
    /// <summary>The lease was refused: the file is open for writing.</summary>
    Writer = 2,
    /// <summary>Answered already: an access of the host itself.</summary>
    Note = 4,
    /// <summary>Answered already: the deadline passed.</summary>
    Late = 8,
    /// <summary>An earlier host died before it answered.</summary>
    Resent = 16,
    /// <summary>Somebody may be within an exec of it.</summary>
    MayRun = 32,
}

/// <summary>enum ima_decision.</summary>
public enum GuardDecision : uint
{
    /// <summary>None: a progress message.</summary>
    None = 0,
    /// <summary>The access goes on.</summary>
    Allow = 1,
    /// <summary>The access fails with EPERM.</summary>
    Deny = 2,
    /// <summary>The access fails with ETXTBSY, or EPERM on kernels before 6.14.</summary>
    Busy = 3,
}

/// <summary>struct ima_job.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct GuardJob
{
    /// <summary>GuardMessage.Job.</summary>
    public readonly uint Type;
    /// <summary>To be returned with the verdict.</summary>
    public readonly uint Slot;
    /// <summary>To be returned with the verdict.</summary>
    public readonly ulong Sequence;
    /// <summary>What is held.</summary>
    public readonly GuardAccess Access;
    /// <summary>What the guard knows of it.</summary>
    public readonly GuardJobFacts Facts;
    /// <summary>The accessor's thread group, 0 when it is not visible from here.</summary>
    public readonly int Pid;
    readonly uint _reserved;

    /// <summary>What the guard did not send: nobody waits for its verdict.</summary>
    public GuardJob(GuardAccess access, GuardJobFacts facts, int pid)
    {
        Access = access;
        Facts = facts;
        Pid = pid;
    }
}

[StructLayout(LayoutKind.Sequential)]
struct VerdictMessage
{
    public GuardMessage Type;
    public uint Slot;
    public ulong Sequence;
    public GuardDecision Decision;
    public uint Flags;
    public ulong Policy;
}

[StructLayout(LayoutKind.Sequential)]
struct ReadyMessage
{
    public GuardMessage Type;
    public uint Flags;
    public ulong Policy;
}

[StructLayout(LayoutKind.Sequential)]
struct WatchMessage
{
    public GuardMessage Type;
    public int Error;
    public ulong Id;
}

[StructLayout(LayoutKind.Sequential)]
struct OrderMessage
{
    public GuardMessage Type;
    public uint Reserved;
}

/// <summary>struct ima_denial.</summary>
[StructLayout(LayoutKind.Sequential)]
struct DenialMessage
{
    public GuardMessage Type;
    public CodeHook Hook;
    public CodeCause Cause;
    public uint Denied;
    public uint Pid;
    public uint Uid;
    public uint Device;
    public uint Reserved;
    public ulong Inode;
    public TaskName Name;
    public FilePath Path;

    [System.Runtime.CompilerServices.InlineArray(16)]
    public struct TaskName
    {
        byte _byte;
    }

    [System.Runtime.CompilerServices.InlineArray(256)]
    public struct FilePath
    {
        byte _byte;
    }
}

/// <summary>struct ima_counters: counted by the guard since its start.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GuardCounters
{
    /// <summary>Permission events read.</summary>
    public ulong Events;
    /// <summary>Answered with allow, by whomever.</summary>
    public ulong Allowed;
    /// <summary>Answered with deny, by whomever.</summary>
    public ulong Denied;
    /// <summary>Allowed by the guard because no rule asks about them.</summary>
    public ulong Unjudged;
    /// <summary>Of these: marked, so that the kernel does not ask again until they are written.</summary>
    public ulong Marked;
    /// <summary>Accesses of the host itself.</summary>
    public ulong Own;
    /// <summary>Answered by the guard because the host was late or down.</summary>
    public ulong Deadlines;
    /// <summary>Jobs sent again after the death of a host.</summary>
    public ulong Resent;
    /// <summary>Hosts started.</summary>
    public ulong HostStarts;
    /// <summary>Writers that waited for a held or cached file.</summary>
    public ulong LeaseBreaks;
    /// <summary>Files on filesystems without leases: judged every time.</summary>
    public ulong Unleasable;
    /// <summary>Verdicts held in the kernel now.</summary>
    public ulong Cached;
    /// <summary>Accesses held now.</summary>
    public ulong Held;
    /// <summary>Answered without a host, and by no host recorded yet.</summary>
    public ulong Unrecorded;
    /// <summary>Code without a verdict that the BPF programs have refused since they were loaded.</summary>
    public ulong BpfDenied;
    /// <summary>The same, let through and told.</summary>
    public ulong BpfReported;
    /// <summary>Of both: there was no room to tell of them.</summary>
    public ulong BpfLost;
    /// <summary>Verdicts that a change of the file has ended.</summary>
    public ulong BpfDropped;
    /// <summary>Durations of the holds.</summary>
    public HoldHistogram Holds;
}

/// <summary>Bucket i counts holds below 2^i microseconds and not below half of that.</summary>
[System.Runtime.CompilerServices.InlineArray(GuardAbi.HoldBuckets)]
public struct HoldHistogram
{
    ulong _bucket;
}

/// <summary>The head of struct ima_shared, up to its buffers.</summary>
[StructLayout(LayoutKind.Sequential)]
struct SharedHeader
{
    public uint Version;
    public uint Size;
    public ulong Heartbeat;
    public ulong FuseTries;
    public ulong Writer;
    public uint WriterSize;
    public uint WriterBase;
    public uint WriterFailed;
    public CodeGate Bpf;
    public ulong Policy;
    public ulong Since;
    public ulong Recorded;
    public uint Ran;
    public uint Opens;
    public GuardCounters Counters;
}
