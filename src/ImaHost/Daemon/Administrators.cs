using ImaHost.Events;
using ImaHost.Interop;

namespace ImaHost.Daemon;

/// <summary>
/// Who may administrate the machine, as the kernel's capable(CAP_SYS_ADMIN) decides: in the initial user namespace. That is
/// the host's own, for nobody else gets a fanotify group with permission events. In a namespace of his own anybody has it.
/// </summary>
static class Administrators
{
    static readonly int SysAdmin = Capabilities.Find("CAP_SYS_ADMIN")!.Value;
    const int MostText = 1 << 13;

    /// <returns>False also when it cannot be told.</returns>
    public static bool Include(uint pid) => IsCapable(pid, SysAdmin);

    /// <summary>The same of any capability.</summary>
    public static bool IsCapable(uint pid, int capability)
    {
        using ProcessDirectory process = ProcessDirectory.Open((int)pid);
        Span<byte> text = stackalloc byte[MostText];
        int length = process.Read("status\0"u8, text);
        return new ProcessStatus(text[..Math.Max(length, 0)]).TryReadCapabilities(out ulong effective)
            && (effective >> capability & 1) != 0
            && process.TryStat("ns/user\0"u8, out FileStat theirs)
            && FileStat.TryOfPath("/proc/self/ns/user", out FileStat own)
            && (theirs.Inode, theirs.DeviceMajor, theirs.DeviceMinor) == (own.Inode, own.DeviceMajor, own.DeviceMinor);
    }
}
