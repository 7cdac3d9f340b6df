namespace ImaHost.Policy;

/// <summary>enum ima_hooks, security/integrity/ima/ima.h: from where a measurement is asked for.</summary>
enum ImaHook
{
    /// <summary>open(2).</summary>
    FileCheck,
    /// <summary>mmap(2) with PROT_EXEC in force; seen here as the open of an ELF file.</summary>
    MmapCheck,
    /// <summary>mmap(2) with PROT_EXEC asked for; seen here as the open of an ELF file.</summary>
    MmapCheckReqprot,
    /// <summary>execve(2), with the credentials before it.</summary>
    BprmCheck,
    /// <summary>execve(2), with the credentials after it.</summary>
    CredsCheck,
    /// <summary>A module of the kernel; seen here as the open of such a file.</summary>
    ModuleCheck,
    /// <summary>Firmware that the kernel loads; seen here as the open of such a file.</summary>
    FirmwareCheck,
    /// <summary>A kernel for kexec_file_load(2); seen here as the open of such a file.</summary>
    KexecKernelCheck,
    /// <summary>An initramfs for kexec_file_load(2); seen here as the open of such a file.</summary>
    KexecInitramfsCheck,
    /// <summary>A file of policy rules that is loaded.</summary>
    PolicyCheck,
    /// <summary>The command line for kexec_file_load(2). Not seen here.</summary>
    KexecCmdline,
    /// <summary>A key that is added to a keyring. Not seen here.</summary>
    KeyCheck,
    /// <summary>A buffer that a service or an administrator hands over.</summary>
    CriticalData,
    /// <summary>Writing security.ima. Not seen here.</summary>
    SetxattrCheck,
}

/// <summary>The kernel's names for hooks, and what is seen of them.</summary>
static class ImaHooks
{
    static readonly Dictionary<string, ImaHook> Named = new(StringComparer.Ordinal)
    {
        ["FILE_CHECK"] = ImaHook.FileCheck,
        ["MMAP_CHECK"] = ImaHook.MmapCheck,
        ["MMAP_CHECK_REQPROT"] = ImaHook.MmapCheckReqprot,
        ["BPRM_CHECK"] = ImaHook.BprmCheck,
        ["CREDS_CHECK"] = ImaHook.CredsCheck,
        ["MODULE_CHECK"] = ImaHook.ModuleCheck,
        ["FIRMWARE_CHECK"] = ImaHook.FirmwareCheck,
        ["KEXEC_KERNEL_CHECK"] = ImaHook.KexecKernelCheck,
        ["KEXEC_INITRAMFS_CHECK"] = ImaHook.KexecInitramfsCheck,
        ["POLICY_CHECK"] = ImaHook.PolicyCheck,
        ["KEXEC_CMDLINE"] = ImaHook.KexecCmdline,
        ["KEY_CHECK"] = ImaHook.KeyCheck,
        ["CRITICAL_DATA"] = ImaHook.CriticalData,
        ["SETXATTR_CHECK"] = ImaHook.SetxattrCheck,
        // Older names, ima_policy.c:
        ["PATH_CHECK"] = ImaHook.FileCheck,
        ["FILE_MMAP"] = ImaHook.MmapCheck,
    };

    static readonly string[] Canonical =
        [.. Enum.GetValues<ImaHook>().Select(hook => Named.First(pair => pair.Value == hook).Key)];

    /// <summary>Every name of func=, aliases included.</summary>
    public static IReadOnlyCollection<string> Names => Named.Keys;

    public static string Name(this ImaHook hook) => Canonical[(int)hook];

    /// <summary>func= of a rule, aliases included.</summary>
    public static ImaHook? Parse(string name) => Named.TryGetValue(name, out ImaHook hook) ? hook : null;

    /// <summary>An access of a file passes it.</summary>
    public static bool IsOfAccess(this ImaHook hook) => hook < ImaHook.PolicyCheck;

    /// <summary>An open that does not execute passes it, and the file need not be one that can be mapped.</summary>
    public static bool IsOfData(this ImaHook hook) =>
        hook is ImaHook.FileCheck or (>= ImaHook.ModuleCheck and <= ImaHook.KexecInitramfsCheck);

    /// <summary>What the kernel asks for there. At FILE_CHECK it is what the open is for instead.</summary>
    public static AccessMask Mask(this ImaHook hook) =>
        hook is >= ImaHook.MmapCheck and <= ImaHook.CredsCheck ? AccessMask.Exec : AccessMask.Read;

    /// <summary>Why nothing can be done about it from user space; null: it is seen.</summary>
    public static string? WhyUnseen(this ImaHook hook) =>
        hook == ImaHook.KexecCmdline ? "no event tells of the command line that kexec_file_load(2) is given"
        : hook == ImaHook.KeyCheck ? "no event tells of keys that are added to the kernel's keyrings"
        : hook == ImaHook.SetxattrCheck ? "events tell of written attributes only afterwards, when nothing can be refused"
        : null;
}
