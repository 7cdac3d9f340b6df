namespace ImaHost.Interop;

/// <summary>enum ima_bpf_mode of native/ima_bpf.h: what the BPF programs do with code that nobody has judged.</summary>
public enum CodeGate : uint
{
    /// <summary>No programs are loaded, or they let everything through.</summary>
    Off = 0,
    /// <summary>They let it through and tell of it.</summary>
    Report = 1,
    /// <summary>They refuse it.</summary>
    Enforce = 2,
}

/// <summary>enum ima_bpf_hook: what was about to make code of a file, or to change or end the service.</summary>
public enum CodeHook : uint
{
    /// <summary>Nothing that is known here.</summary>
    None = 0,
    /// <summary>A program start.</summary>
    Exec = 1,
    /// <summary>mmap(2) with PROT_EXEC.</summary>
    Mmap = 2,
    /// <summary>mprotect(2) with PROT_EXEC.</summary>
    Mprotect = 3,
    /// <summary>A signal to guard or host.</summary>
    Signal = 4,
    /// <summary>ptrace(2) of guard or host, or access to their memory.</summary>
    Ptrace = 5,
    /// <summary>A change of a file or directory of the service.</summary>
    Change = 6,
    /// <summary>A mount over one, or an unmount.</summary>
    Mount = 7,
    /// <summary>bpf(2), of the maps or links of the service.</summary>
    Call = 8,
}

/// <summary>enum ima_bpf_cause: why it must not.</summary>
public enum CodeCause : uint
{
    /// <summary>Nothing that is known here.</summary>
    None = 0,
    /// <summary>There is no verdict since the file was last written.</summary>
    Unjudged = 1,
    /// <summary>It is being judged, and has come another way.</summary>
    Unsettled = 2,
    /// <summary>The verdict is by other rules.</summary>
    Outdated = 3,
    /// <summary>It is in memory only: a memfd, or shared memory.</summary>
    Fileless = 4,
    /// <summary>Nothing is watched where it comes from.</summary>
    Unwatched = 5,
    /// <summary>It is the service's own (self_protection).</summary>
    Sheltered = 6,
}

/// <summary>Something that the BPF programs have refused, or would have.</summary>
/// <param name="IsDenied">False: it was let through, and is only told.</param>
/// <param name="Pid">Thread group, in the first pid namespace.</param>
/// <param name="Program">The task's name.</param>
/// <param name="Path">Of the file, or the last part of it.</param>
/// <param name="Inode">Of the file.</param>
public sealed record CodeDenial(
    CodeHook Hook, CodeCause Cause, bool IsDenied, uint Pid, uint Uid, string Program, string Path, ulong Inode);
