namespace ImaHost.Interop;

/// <summary>The kernel's capabilities by name, include/uapi/linux/capability.h.</summary>
public static class Capabilities
{
    const string Prefix = "CAP_";

    /// <summary>In the order of their numbers.</summary>
    static readonly string[] Names =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
        "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
        "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
        "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ];

    /// <param name="name">As in capabilities(7): "CAP_MAC_ADMIN".</param>
    /// <returns>Its number; null: there is none of that name.</returns>
    public static int? Find(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && Array.IndexOf(Names, name[Prefix.Length..]) is >= 0 and int number
            ? number
            : null;
}
