using System.Diagnostics;
using System.Runtime.InteropServices;
using ImaHost.Interop.Native;

namespace ImaHost.Interop;

/// <summary>The memory that guard and host share (struct ima_shared). It outlives the host.</summary>
public sealed unsafe class SharedState
{
    const int Page = 4096;

    internal static readonly int FuseRequestOffset = (sizeof(SharedHeader) + Page - 1) / Page * Page;
    internal static readonly int PolicyTextOffset = FuseRequestOffset + GuardAbi.FuseRequestSize;
    internal static readonly int TotalSize =
        (PolicyTextOffset + GuardAbi.PolicyMax + Page - 1) / Page * Page;

    readonly SharedHeader* _header;

    SharedState(void* map) => _header = (SharedHeader*)map;

    /// <summary>Maps the descriptor the guard handed over.</summary>
    /// <exception cref="ErrnoException">The descriptor is not there.</exception>
    /// <exception cref="InvalidOperationException">The guard speaks another version.</exception>
    public static SharedState Open()
    {
        void* map = Libc.mmap(
            null, (nuint)TotalSize, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED | Libc.MAP_POPULATE,
            GuardAbi.SharedFd, 0);
        if ((nint)map == -1)
        {
            throw ErrnoException.Last($"map the guard's memory (descriptor {GuardAbi.SharedFd})");
        }

        var header = (SharedHeader*)map;
        if (header->Version != GuardAbi.Version || header->Size != TotalSize)
        {
            throw new InvalidOperationException(
                $"the guard speaks version {header->Version} of the protocol, this host {GuardAbi.Version}: "
                + "install imahost and imahost-guard from the same package");
        }

        // What a host that died was opening, this one is not.
        header->Opens = 0;
        return new SharedState(map);
    }

    /// <summary>Memory that nobody shares, that what is kept in it can be tested.</summary>
    internal static SharedState Alone() => new(NativeMemory.AllocZeroed((nuint)TotalSize));

    /// <summary>The guard's counters, as they are at this moment.</summary>
    public GuardCounters Counters => _header->Counters;

    /// <summary>More accesses are held now than is usual by far.</summary>
    public bool IsCrowd => Volatile.Read(ref _header->Counters.Held) > GuardAbi.Crowd;

    /// <summary>Tells the guard that this process is alive (CLOCK_MONOTONIC).</summary>
    public void Beat() =>
        Volatile.Write(ref _header->Heartbeat, (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)));

    /// <summary>Waits until the guard follows a policy, as given to <see cref="GuardSocket.SendReady"/>.</summary>
    /// <returns>False when it does not in that time.</returns>
    public bool AwaitPolicy(ulong policy, int milliseconds) =>
        SpinWait.SpinUntil(() => Volatile.Read(ref _header->Policy) == policy, milliseconds);

    /// <summary>What the BPF programs do with code that nobody has judged.</summary>
    public CodeGate CodeGate => _header->Bpf;

    /// <summary>When the guard's marks stood, nanoseconds of CLOCK_REALTIME.</summary>
    public ulong Since => _header->Since;

    /// <summary>How many of <see cref="GuardCounters.Unrecorded"/> stand in the list.</summary>
    public ref ulong Recorded => ref _header->Recorded;

    /// <summary>
    /// Not 0 once a host has entered what ran before the guard came: then one more than the files that appraisal would
    /// have denied.
    /// </summary>
    public ref uint Ran => ref _header->Ran;

    /// <summary>Not 0 while this process opens what others may have written, to measure it and not to run it.</summary>
    public ref uint Opens => ref _header->Opens;

    internal Span<byte> FuseRequest => new((byte*)_header + FuseRequestOffset, GuardAbi.FuseRequestSize);

    internal ref ulong FuseTries => ref _header->FuseTries;

    /// <summary>The handle that writes the policy file, 0 for none.</summary>
    public ref ulong Writer => ref _header->Writer;

    /// <summary>Bytes of <see cref="PolicyText"/> in use.</summary>
    public ref uint WriterSize => ref _header->WriterSize;

    /// <summary>The offset at which an appending writer began.</summary>
    public ref uint WriterBase => ref _header->WriterBase;

    /// <summary>Not 0 once a write of this handle was refused.</summary>
    public ref uint WriterFailed => ref _header->WriterFailed;

    /// <summary>The text written so far.</summary>
    public Span<byte> PolicyText => new((byte*)_header + PolicyTextOffset, GuardAbi.PolicyMax);
}
